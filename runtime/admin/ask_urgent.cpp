#include "runtime/admin/ask_urgent.hpp"

#include "runtime/supervision/supervision_messages.hpp"

#include <caf/actor_cast.hpp>
#include <caf/event_based_actor.hpp>

namespace coppice::admin {

using supervision::describe_query;
using supervision::description;

void ask_description(caf::actor_system& system, const caf::strong_actor_ptr& to, duration deadline,
                     std::function<void(result<description>)> done) {
  if (!to) {
    done(error{errc::actor_stopped, "nothing runs there", {}, {}});
    return;
  }
  // A helper that ends with the answer. Its request is urgent: it overtakes the mailbox.
  system.spawn<caf::hidden>([to, deadline, done](caf::event_based_actor* self) {
    auto receiver = caf::actor_cast<caf::actor>(to);
    self->request<caf::message_priority::high>(receiver, deadline, describe_query{})
      .then([self, done](description& x) {
        done(std::move(x));
        self->quit();
      },
            [self, done, deadline](caf::error& x) {
              auto reason = x == caf::sec::request_timeout
                              ? error{errc::timeout, "no answer within " + to_string(deadline), {}, {}}
                              : from_caf(x);
              done(std::move(reason));
              self->quit();
            });
  });
}

} // namespace coppice::admin
