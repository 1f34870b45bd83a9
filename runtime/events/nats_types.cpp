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

void delivery::ack() const {
  if (answer)
    answer->finish("+ACK");
}

void delivery::nak(duration delay) const {
  if (!answer)
    return;
  if (delay.count() <= 0)
    return answer->finish("-NAK");
  answer->finish("-NAK {\"delay\":" + std::to_string(delay.count()) + "}");
}

void delivery::term() const {
  if (answer)
    answer->finish("+TERM");
}

void delivery::in_progress() const {
  if (answer)
    answer->progress();
}

} // namespace coppice::events
