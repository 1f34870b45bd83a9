#pragma once

#include "runtime/events/consumer.hpp"
#include "runtime/events/consumer_marks.hpp"

#include <atomic>
#include <mutex>
#include <span>
#include <unordered_set>
#include <vector>

namespace coppice::events::detail {

/// What a consumer does with a delivery: an effect in the file of the marks (consumer_state.cpp), or one elsewhere, whose
/// marks follow (consumer_elsewhere.cpp).
/// Threading: received() and end() by the pull loop and its owner; answers on any thread; effects in the file on its
/// writer's thread.
class consumer_state : public std::enable_shared_from_this<consumer_state> {
public:
  consumer_state(std::shared_ptr<store::sqlite_file> file, consumer_options options,
                 consumer::effect_in effect, consumer::handler handler,
                 consumer::dead_callback on_dead, const clock& time);

  void received(nats_client::batch batch);

  /// Afterwards no effect runs.
  void end();

  consumer_stats stats() const;

private:
  /// An id whose hash is known.
  struct id_key {
    std::string_view id;
    uint64_t hash;
    bool operator==(const id_key& x) const { return hash == x.hash && id == x.id; }
  };
  struct id_hash {
    size_t operator()(const id_key& x) const noexcept { return x.hash; }
  };

  /// A delivery that is not answered yet. What is needed of its event later is read again then,
  /// because that is seldom.
  struct open_delivery final : event_answer::open, std::enable_shared_from_this<open_delivery> {
    explicit open_delivery(std::shared_ptr<raw_delivery> d) : is(std::move(d)) {}
    open_delivery(const open_delivery&) = delete;
    open_delivery& operator=(const open_delivery&) = delete;

    /// Nobody is going to answer it any more: it may be tried again.
    ~open_delivery() override {
      if (busy_at)
        busy_at->forget(*this);
    }

    void answer(const result<void>& outcome) override {
      if (!handled.exchange(true))
        busy_at->handled(shared_from_this(), outcome);
    }

    id_key key() const { return {id, hash}; }

    std::shared_ptr<raw_delivery> is;
    std::string id;
    uint64_t hash = 0;
    std::shared_ptr<consumer_state> busy_at; ///< Whose busy_ has the id.
    std::atomic<bool> handled = false;
    bool answered = false; ///< Before its mark was written.
  };
  using open_pointer = std::shared_ptr<open_delivery>;

  struct opened {
    open_pointer open;
    received_event event;
  };

  /// One of them.
  struct effects {
    consumer::effect_in in_file;
    consumer::handler elsewhere;
  };

  opened read(std::shared_ptr<raw_delivery> d);
  void applied(const open_pointer& open, const result<void>& outcome, bool repeated);
  void bury(const open_pointer& open, std::string reason);
  duration delay_after(uint64_t attempts) const;
  result<void> prune(store::database& db, uint32_t added);
  void count(uint64_t consumer_stats::*what);
  bool is_ended();

  // An effect in the file.
  void apply(const open_pointer& open, std::shared_ptr<received_event> x);

  // An effect elsewhere.
  void hand_over(std::vector<opened> xs);
  result<void> look_for_marks(const std::vector<opened>& xs, std::vector<char>& known);
  void give(opened& x);
  void handled(const open_pointer& open, const result<void>& outcome);
  void tend_marks(bool idle);
  void submit_marks();
  result<void> write_marks(store::database& db, const std::vector<open_pointer>& group);
  void take_unmarked(std::vector<open_pointer>& group);
  void marked(std::vector<open_pointer> group, const result<void>& outcome);
  void finish(std::span<const open_pointer> group, const result<void>& outcome, bool repeated);
  void forget(const open_delivery& x);

  std::shared_ptr<store::sqlite_file> file_;
  consumer_options options_;
  const bool in_file_; ///< The effect is a consumer::effect_in.
  /// Gone after the end: what they hold must not wait for the last mark. Who runs one holds them.
  std::shared_ptr<const effects> effects_;
  consumer::dead_callback on_dead_;
  const clock& clock_;
  std::string name_; ///< The key of the marks: names of consumers are unique within a stream only.
  std::shared_ptr<known_marks> marks_;
  uint32_t unpruned_ = 0;
  std::recursive_mutex running_;
  bool ended_ = false;
  mutable std::mutex mutex_;
  std::unordered_set<id_key, id_hash> busy_; ///< Each is in an open_delivery.
  std::vector<open_pointer> unmarked_;       ///< Handled, and their marks not yet on their way.
  size_t answered_unmarked_ = 0;
  bool marking_ = false; ///< A job that will take them waits.
  bool resting_ = false; ///< Nobody calls received() any more.
  std::chrono::steady_clock::time_point marks_due_;
  consumer_stats stats_;
};

} // namespace coppice::events::detail
