#include "runtime/supervision/supervision_messages.hpp"

#include <caf/exit_reason.hpp>
#include <caf/init_global_meta_objects.hpp>
#include <caf/message.hpp>
#include <caf/sec.hpp>

#include <mutex>

namespace coppice {

void init_supervision_types() {
  static std::once_flag once;
  std::call_once(once, [] {
    caf::core::init_global_meta_objects();
    caf::init_global_meta_objects<caf::id_block::supervision_local>();
  });
}

caf::error to_caf(const error& x) {
  if (x.code == errc::none)
    return {};
  return caf::make_error(x.code, x.message, x.at, x.hint);
}

namespace {

errc from_sec(caf::sec code) {
  switch (code) {
    case caf::sec::unexpected_message:
      return errc::not_accepted;
    case caf::sec::request_timeout:
      return errc::timeout;
    case caf::sec::request_receiver_down:
    case caf::sec::bad_function_call:
      return errc::actor_stopped;
    case caf::sec::cannot_connect_to_node:
    case caf::sec::no_route_to_receiving_node:
      return errc::node_down;
    case caf::sec::broken_promise:
      return errc::actor_crashed;
    default:
      return errc::handler_error;
  }
}

/// For people: without CAF's names.
std::string words_of(caf::sec code) {
  switch (code) {
    case caf::sec::unexpected_message:
      return "it takes no such message";
    case caf::sec::request_timeout:
      return "no answer in time";
    case caf::sec::request_receiver_down:
    case caf::sec::bad_function_call:
      return "it ended before it answered";
    case caf::sec::broken_promise:
      return "it let go of the request without an answer";
    default: {
      auto out = to_string(code);
      auto colons = out.rfind("::");
      return colons == std::string::npos ? out : out.substr(colons + 2);
    }
  }
}

} // namespace

error from_caf(const caf::error& x) {
  if (!x)
    return {};
  auto& context = x.context();
  if (x.category() == caf::type_id_v<errc>) {
    error out{static_cast<errc>(x.code()), {}, {}, {}};
    if (context.match_elements<std::string, std::string, std::string>()) {
      out.message = context.get_as<std::string>(0);
      out.at = context.get_as<std::string>(1);
      out.hint = context.get_as<std::string>(2);
    } else {
      out.message = to_string(x);
    }
    return out;
  }
  if (x.category() == caf::type_id_v<caf::sec>)
    return {
      from_sec(static_cast<caf::sec>(x.code())), words_of(static_cast<caf::sec>(x.code())), {}, {}};
  if (x.category() == caf::type_id_v<caf::exit_reason>) {
    auto unreachable =
      static_cast<caf::exit_reason>(x.code()) == caf::exit_reason::remote_link_unreachable;
    return {unreachable ? errc::node_down : errc::actor_stopped, to_string(x), {}, {}};
  }
  return {errc::handler_error, to_string(x), {}, {}};
}

} // namespace coppice
