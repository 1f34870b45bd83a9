#pragma once

#include <caf/actor_control_block.hpp>
#include <caf/mailbox_element.hpp>
#include <utility>

namespace coppice::supervision {

/// Sends before everything that waits in the mailbox, without a sender. Nothing when `to` is null.
template <class T>
void send_urgent(const caf::strong_actor_ptr& to, T&& x, caf::execution_unit* host) {
  if (to)
    to->enqueue(caf::make_mailbox_element(nullptr,
                                          caf::make_message_id(caf::message_priority::high), {},
                                          std::forward<T>(x)),
                host);
}

} // namespace coppice::supervision
