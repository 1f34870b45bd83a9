#include "runtime/admin/ask_urgent.hpp"

#include "runtime/supervision/supervision_messages.hpp"

#include <caf/actor_cast.hpp>

namespace coppice::admin {

using supervision::description;

void ask_description(node& owner, const caf::strong_actor_ptr& to, duration deadline,
                     std::function<void(result<description>)> done) {
  if (!to) {
    done(error{errc::actor_stopped, "nothing runs there", {}, {}});
    return;
  }
  auto taken = [done = std::move(done)](result<caf::message> x) {
    if (!x)
      done(x.error());
    else if (x->match_elements<description>())
      done(x->get_as<description>(0));
    else
      done(error{errc::protocol, "it answered something else", {}, {}});
  };
  owner.questions().ask(caf::actor_cast<caf::actor>(to),
                        caf::make_message(supervision::describe_query{}), deadline,
                        std::move(taken), true);
}

} // namespace coppice::admin
