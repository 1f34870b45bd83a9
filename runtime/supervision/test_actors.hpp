#pragma once

#include "runtime/supervision/test_tree.hpp"

#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

// Actors that several tests of this module supervise.
namespace coppice::supervision::test {

using namespace std::chrono_literals;

struct counter_state {
  static inline std::atomic<int> live{0};
  int n = 0;
  counter_state() { ++live; }
  ~counter_state() { --live; }
};

// One actor with every way to fail; `n` shows whether its state is new.
inline caf::behavior plain(caf::event_based_actor* self, int start) {
  auto n = std::make_shared<int>(start);
  return {
    [n](caf::get_atom) { return ++*n; },
    [](caf::put_atom) { throw std::runtime_error("boom"); },
    [self](caf::ok_atom, const caf::actor& helper, int how) {
      switch (how) {
        case 0:
          self->request(helper, 10s, caf::get_atom_v).then([](int) {
            throw std::runtime_error("in then");
          });
          break;
        case 1:
          self->request(helper, 10s, caf::get_atom_v).await([](int) {
            throw std::runtime_error("in await");
          });
          break;
        case 2:
          self->run_delayed(1ms, [] { throw std::runtime_error("in timer"); });
          break;
        case 3:
          self->become([](caf::put_atom) { throw std::runtime_error("in second behavior"); });
          caf::anon_send(self, caf::put_atom_v);
          break;
        case 4:
          self->set_down_handler([](caf::down_msg&) { throw std::runtime_error("in down"); });
          self->monitor(helper);
          caf::anon_send_exit(helper, caf::exit_reason::kill);
          break;
        case 5:
          self->set_default_handler(
            [](caf::scheduled_actor*, caf::message&) -> caf::skippable_result {
              throw std::runtime_error("in default");
            });
          caf::anon_send(self, std::string{"x"});
          break;
        case 6:
          self->become(
            caf::keep_behavior, [](caf::put_atom) {},
            caf::after(1ms) >> [] { throw std::runtime_error("in timeout"); });
          break;
        case 7:
          self->quit(caf::make_error(caf::sec::runtime_error, "quit with an error"));
          break;
        case 8:
          self->request(helper, 1ms, caf::put_atom_v).then([](int) {}); // Unhandled error answer.
          break;
        default:
          break;
      }
    },
  };
}

inline caf::behavior stateful(caf::stateful_actor<counter_state>* self) {
  return {
    [self](caf::get_atom) { return ++self->state.n; },
    [self](caf::put_atom) {
      self->state.n = 1000;
      throw std::runtime_error("boom");
    },
  };
}

using typed_counter =
  caf::typed_actor<caf::result<int>(caf::get_atom), caf::result<void>(caf::put_atom)>;

inline typed_counter::behavior_type typed(typed_counter::stateful_pointer<counter_state> self) {
  return {
    [self](caf::get_atom) { return ++self->state.n; },
    [](caf::put_atom) { throw std::runtime_error("boom"); },
  };
}

struct with_reset : caf::event_based_actor {
  explicit with_reset(caf::actor_config& cfg) : event_based_actor(cfg) {}
  void reset() { n = 0; }
  caf::behavior make_behavior() override {
    return {
      [this](caf::get_atom) { return ++n; },
      [](caf::put_atom) { throw std::runtime_error("boom"); },
    };
  }
  int n = 0;
};

struct state_class {
  explicit state_class(int start) : n(start) {}
  caf::behavior make_behavior() {
    return {
      [this](caf::get_atom) { return ++n; },
      [](caf::put_atom) { throw std::runtime_error("boom"); },
    };
  }
  int n;
};

inline child_start worker(std::string id, std::shared_ptr<recipe> how,
                          restart_type restart = restart_type::permanent) {
  child_spec spec;
  spec.id = std::move(id);
  spec.restart = restart;
  spec.shutdown.timeout = 2s;
  how->describe_as("test." + spec.id, "{}");
  return {std::make_shared<child_spec>(spec), std::move(how), nullptr};
}

inline supervisor_flags flags(supervision::strategy how, uint32_t intensity = 1000) {
  return {how, intensity, 10s, auto_shutdown::never};
}

/// What happened, told from several threads.
class diary {
public:
  void add(std::string x) {
    std::lock_guard guard{mutex_};
    lines_.push_back(std::move(x));
  }

  std::vector<std::string> lines() const {
    std::lock_guard guard{mutex_};
    return lines_;
  }

  size_t count(std::string_view x) const {
    std::lock_guard guard{mutex_};
    return static_cast<size_t>(std::count(lines_.begin(), lines_.end(), x));
  }

private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

/// Ends a helper and waits until everybody who watches it has been told. To be declared after the tree: no handle may
/// outlive the actor system.
class mortal {
public:
  explicit mortal(caf::actor_system& system)
    : handle(system.spawn([]() -> caf::behavior { return {[](caf::get_atom) { return 1; }}; })) {
    // Observers are told last in, first out: this one after those that come later.
    handle->attach_functor([ended = ended_] { ended->set_value(); });
  }

  ~mortal() { end(); }

  void end() {
    if (done_.wait_for(0s) != std::future_status::ready)
      caf::anon_send_exit(handle, caf::exit_reason::kill);
    wait();
  }

  bool wait() { return done_.wait_for(10s) == std::future_status::ready; }

  caf::actor handle;

private:
  std::shared_ptr<std::promise<void>> ended_ = std::make_shared<std::promise<void>>();
  std::shared_future<void> done_ = ended_->get_future().share();
};

/// The child's answer to `inspect`.
inline description describe(test_tree& tree, std::string_view path) {
  caf::scoped_actor self{tree.system};
  description out;
  self->request<caf::message_priority::high>(tree.actor(path), 10s, describe_query{})
    .receive([&](const description& x) { out = x; }, [](caf::error&) {});
  return out;
}

/// Counted at the child's place: answers and the like that came for nobody.
inline uint64_t late(test_tree& tree, std::string_view path) {
  auto where = branch::find(tree.root, path);
  return where && where->place ? where->place->late.load() : 0;
}

inline child_start with_spec(child_start start, std::function<void(child_spec&)> change) {
  auto spec = *start.spec;
  change(spec);
  start.spec = std::make_shared<child_spec>(std::move(spec));
  return start;
}

/// A supervisor as a child.
inline child_start inner_tree(std::string id, supervisor_spec spec) {
  child_spec out;
  out.id = std::move(id);
  out.kind = child_kind::supervisor;
  out.shutdown.what = shutdown_spec::kind::infinity;
  return {std::make_shared<child_spec>(std::move(out)), nullptr,
          std::make_shared<supervisor_spec>(std::move(spec))};
}

} // namespace coppice::supervision::test
