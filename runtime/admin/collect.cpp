#include "runtime/admin/collect.hpp"

#include <atomic>

namespace coppice::admin {

namespace {

class closed_stream final : public http::stream_writer {
public:
  bool send_event(std::string_view, std::string_view, std::string_view) override { return false; }
  bool write(std::string_view) override { return false; }
  void close() override {}
  bool is_open() const override { return false; }
  void on_close(std::function<void()> callback) override { callback(); }
};

class collecting_exchange final : public http::exchange {
public:
  explicit collecting_exchange(std::function<void(http::response)> done) : done_(std::move(done)) {}

  ~collecting_exchange() override {
    finish(http::problem({errc::internal, "the request was dropped without an answer", {}, {}}));
  }

  bool respond(http::response answer) override { return finish(std::move(answer)); }

  std::shared_ptr<http::stream_writer> stream(std::string_view, http::header_list) override {
    finish(http::problem(
      {errc::refused, "streams are not carried between nodes: ask that node itself", {}, {}}));
    return std::make_shared<closed_stream>();
  }

  bool is_open() const override { return !answered_; }

private:
  bool finish(http::response answer) {
    if (answered_.exchange(true))
      return false;
    done_(std::move(answer));
    return true;
  }

  std::function<void(http::response)> done_;
  std::atomic<bool> answered_{false};
};

} // namespace

http::exchange_ptr collect_answer(std::function<void(http::response)> done) {
  return std::make_shared<collecting_exchange>(std::move(done));
}

} // namespace coppice::admin
