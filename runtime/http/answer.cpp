#include "runtime/http/answer.hpp"

#include "runtime/http/sse.hpp"

namespace coppice::http {

bool answer_state::claim() {
  std::lock_guard guard{mutex};
  if (answered || sink == nullptr)
    return false;
  answered = true;
  return true;
}

void answer_state::detach() {
  std::vector<std::function<void()>> callbacks;
  {
    std::lock_guard guard{mutex};
    sink = nullptr;
    over = true;
    pending.clear();
    callbacks.swap(on_close);
  }
  for (auto& callback : callbacks)
    callback();
}

namespace {

class stream_writer_impl final : public stream_writer {
public:
  explicit stream_writer_impl(answer_state_ptr state) : state_(std::move(state)) {}

  ~stream_writer_impl() override { close(); }

  bool send_event(std::string_view id, std::string_view event, std::string_view data) override {
    return write(format_event(id, event, data));
  }

  bool write(std::string_view bytes) override {
    std::unique_lock guard{state_->mutex};
    if (state_->over || state_->closing || state_->sink == nullptr)
      return false;
    if (state_->pending.size() + state_->in_flight + bytes.size() > state_->limit) {
      state_->over = true;
      state_->pending.clear();
      state_->sink->post([sink = state_->sink] { sink->overflow_stream(); });
      return false;
    }
    state_->pending += bytes;
    post_flush();
    return true;
  }

  void close() override {
    std::lock_guard guard{state_->mutex};
    if (state_->over || state_->closing || state_->sink == nullptr)
      return;
    state_->closing = true;
    post_flush();
  }

  bool is_open() const override {
    std::lock_guard guard{state_->mutex};
    return !state_->over && !state_->closing && state_->sink != nullptr;
  }

  void on_close(std::function<void()> callback) override {
    {
      std::lock_guard guard{state_->mutex};
      if (!state_->over && state_->sink != nullptr) {
        state_->on_close.push_back(std::move(callback));
        return;
      }
    }
    callback();
  }

private:
  /// Many small writes make one flush. The mutex is held.
  void post_flush() {
    if (std::exchange(state_->flush_posted, true))
      return;
    state_->sink->post([sink = state_->sink] { sink->flush_stream(); });
  }

  answer_state_ptr state_;
};

class exchange_impl final : public exchange {
public:
  explicit exchange_impl(answer_state_ptr state) : state_(std::move(state)) {}

  ~exchange_impl() override {
    if (is_open())
      respond(problem({errc::internal, "the handler gave no answer", "", ""}));
  }

  bool respond(response answer) override {
    std::unique_lock guard{state_->mutex};
    if (state_->answered || state_->sink == nullptr)
      return false;
    state_->answered = true;
    auto* sink = state_->sink;
    if (sink->on_own_thread()) {
      // Only this thread can end the connection, so the sink outlives the call.
      guard.unlock();
      sink->deliver(std::move(answer));
    } else {
      sink->post(
        [sink, answer = std::move(answer)]() mutable { sink->deliver(std::move(answer)); });
    }
    return true;
  }

  stream_ptr stream(std::string_view content_type, header_list headers) override {
    std::unique_lock guard{state_->mutex};
    if (state_->answered || state_->sink == nullptr) {
      // The state belongs to the answer that was given; this writer gets one that is over.
      guard.unlock();
      auto ended = std::make_shared<answer_state>(nullptr, 0);
      ended->over = true;
      return std::make_shared<stream_writer_impl>(std::move(ended));
    }
    state_->answered = true;
    auto* sink = state_->sink;
    sink->post([sink, type = std::string{content_type}, headers = std::move(headers)]() mutable {
      sink->begin_stream(std::move(type), std::move(headers));
    });
    guard.unlock();
    return std::make_shared<stream_writer_impl>(state_);
  }

  bool is_open() const override {
    std::lock_guard guard{state_->mutex};
    return !state_->answered && state_->sink != nullptr;
  }

private:
  answer_state_ptr state_;
};

} // namespace

exchange_ptr make_exchange(answer_state_ptr state) {
  return std::make_shared<exchange_impl>(std::move(state));
}

} // namespace coppice::http
