#pragma once

#include "runtime/supervision/supervision_messages.hpp"
#include "runtime/testkit/world.hpp"

#include <caf/actor.hpp>
#include <caf/message.hpp>

namespace coppice::testkit {

/// An actor of the test: sends, asks, and says what it was sent. Stands in for whatever the actor under test talks to. It
/// takes messages at once, in the order of their arrival. Must not outlive its world.
/// Errors: testkit::failure, with type and JSON of what was found instead.
class probe {
public:
  explicit probe(world& in);
  probe(probe&&) = default;
  ~probe(); ///< Drops what it still has; what comes later goes nowhere.

  const caf::actor& handle() const { return handle_; }
  operator caf::actor() const { return handle_; }

  // -- what it gets ---------------------------------------------------------------------------------------------------

  /// Works until the world is at rest; then the oldest message not yet expected must be a T.
  template <class T>
  T expect() {
    return take(caf::type_id_v<T>, nullptr).template get_as<T>(0);
  }

  /// ... a T for which `right(x)` is true.
  template <class T, class F>
  T expect(F right) {
    return take(caf::type_id_v<T>,
                [&right](const caf::message& x) { return bool{right(x.get_as<T>(0))}; })
      .template get_as<T>(0);
  }

  /// Advances the clock, by at most `limit`, until a message is there; it must be a T.
  template <class T>
  T expect_within(duration limit) {
    await(limit);
    return expect<T>();
  }

  /// Works until the world is at rest; then no message may be there.
  void expect_nothing();

  /// Advances the clock by `time`; no message may be there then.
  void expect_nothing_for(duration time);

  /// Messages that were not expected yet.
  size_t waiting() const;

  /// Drops them.
  void clear();

  // -- what it says ---------------------------------------------------------------------------------------------------

  /// Sends without working: several sends may wait in a mailbox.
  template <class T>
  void send(const caf::actor& to, T x) {
    send_message(to, caf::make_message(std::move(x)));
  }

  /// Asks and works until the world is at rest; the answer must be there and be a Reply. `void`: an answer without content.
  template <class Reply, class T>
  Reply request(const caf::actor& to, T x) {
    return ask<Reply>(to, std::move(x)).get();
  }

  /// The same when an error is what is wanted.
  template <class T>
  error request_error(const caf::actor& to, T x) {
    return answer_error(ask_message(to, caf::make_message(std::move(x))));
  }

  /// A question whose answer is looked at later.
  template <class Reply>
  class open_question {
  public:
    open_question(probe& asked, uint64_t key) : probe_(&asked), key_(key) {}

    /// Is there an answer, or an error?
    bool answered() const { return probe_->has_answer(key_); }

    /// Works until the world is at rest; the answer must be there and be a Reply.
    Reply get() {
      if constexpr (std::is_void_v<Reply>)
        probe_->answer(key_, caf::invalid_type_id);
      else
        return probe_->answer(key_, caf::type_id_v<Reply>).template get_as<Reply>(0);
    }

    /// Likewise; it must be an error.
    error get_error() { return probe_->answer_error(key_); }

  private:
    probe* probe_;
    uint64_t key_;
  };

  /// Asks without working: `auto open = me.ask<total>(till, get_total{}); world.advance(2s); open.get()`.
  template <class Reply, class T>
  open_question<Reply> ask(const caf::actor& to, T x) {
    return {*this, ask_message(to, caf::make_message(std::move(x)))};
  }

  /// Answers the last expected message, which must have been a request.
  template <class T>
  void reply(T x) {
    reply_message(caf::make_message(std::move(x)));
  }
  void reply_error(const error& x) { reply_message(caf::make_message(to_caf(x))); }

  /// Who sent the last expected message; null when it came from nobody.
  caf::actor sender() const;

  /// From now on the end of that actor arrives as `caf::down_msg`. A restart is no end.
  void monitor(const caf::actor& other);

private:
  class mailbox;

  caf::message take(caf::type_id_t type, const std::function<bool(const caf::message&)>& right);
  void await(duration limit);
  void send_message(const caf::actor& to, caf::message x);
  uint64_t ask_message(const caf::actor& to, caf::message x);
  bool has_answer(uint64_t key) const;
  caf::message answer(uint64_t key, caf::type_id_t type);
  error answer_error(uint64_t key);
  void reply_message(caf::message x);
  mailbox& box() const;

  world& world_;
  caf::actor handle_;
};

} // namespace coppice::testkit
