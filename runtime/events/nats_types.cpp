#include "runtime/events/nats_types.hpp"

namespace coppice::events {

std::string_view to_string(connection_state x) {
  switch (x) {
    case connection_state::connecting:
      return "connecting";
    case connection_state::connected:
      return "connected";
    case connection_state::reconnecting:
      return "reconnecting";
    case connection_state::closed:
      break;
  }
  return "closed";
}

std::string_view to_string(retention x) {
  switch (x) {
    case retention::limits:
      return "limits";
    case retention::interest:
      return "interest";
    case retention::work_queue:
      break;
  }
  return "work_queue";
}

void delivery_handle::ack() {
  finish("+ACK");
}

void delivery_handle::nak(duration delay) {
  if (delay.count() <= 0)
    return finish("-NAK");
  finish("-NAK {\"delay\":" + std::to_string(delay.count()) + "}");
}

void delivery_handle::term() {
  finish("+TERM");
}

void delivery::ack() const {
  if (answer)
    answer->ack();
}

void delivery::nak(duration delay) const {
  if (answer)
    answer->nak(delay);
}

void delivery::term() const {
  if (answer)
    answer->term();
}

void delivery::in_progress() const {
  if (answer)
    answer->in_progress();
}

} // namespace coppice::events
