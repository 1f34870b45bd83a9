#include "runtime/admin/replay.hpp"

#include "runtime/admin/inspect.hpp"
#include "runtime/admin/message_body.hpp"
#include "runtime/admin/nats_view.hpp"
#include "runtime/base/address.hpp"
#include "runtime/events/nats_client.hpp"
#include "runtime/events/subject.hpp"
#include "runtime/json/codec.hpp"
#include "runtime/json/type_registry.hpp"

namespace coppice::admin {

namespace {

constexpr duration hand_over_deadline = std::chrono::seconds{2};
constexpr std::string_view nats_scheme = "nats:";

bool is_address(std::string_view text) {
  return parse_address(text).has_value();
}

/// The letter's content as an event: what NATS readers get of a message that was meant for an actor.
events::event event_of(const std::string& node, const store::dead_letter& x) {
  events::event out;
  out.id = x.id;
  out.source = is_address(x.subject) && x.subject.find(':') != std::string::npos
                 ? x.subject
                 : node + ":/system/admin";
  out.type = x.type;
  out.time = x.at;
  out.data = json::parse(x.payload) ? x.payload : json::serialize(json::value(x.payload));
  return out;
}

/// The message for an actor: the body itself when it was one, else the event around it.
result<typed_message> message_of(const node& owner, const std::string& path,
                                 const store::dead_letter& x) {
  if (x.size > x.payload.size())
    return error{errc::refused,
                 "the payload was larger than what is kept, so it cannot be sent again",
                 x.id,
                 {}};
  if (x.origin == "actor") {
    auto body = json::parse(x.payload);
    if (!body)
      return error{
        errc::refused, "the payload cannot be read as JSON: " + body.error().message, x.id, {}};
    return make_typed(owner, path, x.type, *body);
  }
  auto event = events::event_from_message(x.headers, x.payload);
  if (!event)
    return error{errc::refused,
                 "the payload is no event, so no message can be made of it: "
                   + event.error().message,
                 x.id, "nats:" + x.subject};
  auto data = json::parse(event->data.empty() ? "null" : event->data);
  if (data && json::types().find(x.type) != nullptr)
    return make_typed(owner, path, x.type, *data);
  event_message out;
  out.id = event->id;
  out.source = event->source;
  out.type = event->type;
  out.subject = x.subject;
  out.time = event->time;
  out.data.text = event->data;
  out.traceparent = event->traceparent;
  out.correlationid = event->correlationid;
  out.causationid = event->causationid;
  out.deliveries = x.attempts + 1;
  if (auto takes = owner.check_accepts(path, caf::type_id_v<event_message>); !takes)
    return takes.error();
  return typed_message{"coppice.event", caf::make_message(std::move(out))};
}

/// Did the message reach its receiver, whatever that made of it?
bool was_handed_over(const error& x) {
  return x.code == errc::actor_crashed || x.code == errc::handler_error || x.code == errc::timeout;
}

using sent = std::function<void(result<void>)>;

void to_actor(const api_ptr& a, const std::string& text, const store::dead_letter& x, sent done) {
  auto& owner = a->owner;
  auto where = parse_address(text);
  auto local = where && (where->node.empty() || where->node == owner.name());
  // What another node's actor takes is decided there; types are the same everywhere.
  auto message = !where  ? result<typed_message>{where.error()}
                 : local ? message_of(owner, where->path, x)
                         : result<typed_message>{error{errc::refused, "remote", {}, {}}};
  if (where && !local) {
    if (x.origin != "actor") {
      done(error{errc::refused,
                 "an event for an actor of another node: replay it there, or to nats:SUBJECT",
                 text,
                 {}});
      return;
    }
    auto body = json::parse(x.payload);
    auto entry = json::types().require(x.type);
    auto content = !body    ? result<caf::message>{body.error()}
                   : !entry ? result<caf::message>{entry.error()}
                            : json::message_from_json((*entry)->type_id, *body, &owner.codec());
    message = content ? result<typed_message>{typed_message{x.type, std::move(*content)}}
                      : result<typed_message>{content.error()};
  }
  auto to = message ? owner.find(text) : result<caf::actor>{message.error()};
  if (!to) {
    done(to.error());
    return;
  }
  owner.questions().ask(*to, std::move(message->content), hand_over_deadline,
                        [done](result<caf::message> answer) {
                          if (answer || was_handed_over(answer.error()))
                            done({});
                          else
                            done(answer.error());
                        });
}

/// Blocks.
void to_subject(const api_ptr& a, const std::string& subject, const store::dead_letter& x,
                sent done) {
  auto nats = nats_of(a->owner);
  auto ok = nats ? events::check_subject(subject) : result<void>{nats.error()};
  if (!ok) {
    done(ok.error());
    return;
  }
  events::message message;
  message.subject = subject;
  if (x.origin == "actor") {
    auto event = event_of(a->owner.name(), x);
    message.payload = events::to_json(event);
    message.headers = events::structured_headers(event);
  } else if (x.size > x.payload.size()) {
    done(error{errc::refused,
               "the payload was larger than what is kept, so it cannot be sent again",
               x.id,
               {}});
    return;
  } else {
    message.payload = x.payload;
    // The old id would make the stream think that it has it already.
    for (auto& header : x.headers)
      if (!header.first.starts_with("Nats-"))
        message.headers.push_back(header);
  }
  auto stream = (*nats)->stream_of(subject);
  if (!stream && stream.error().code != errc::not_found) {
    done(stream.error());
    return;
  }
  if (!stream) {
    auto out = (*nats)->publish(message);
    done(out ? (*nats)->flush(hand_over_deadline) : out);
    return;
  }
  auto taken =
    (*nats)->publish_stream(message, "replay-" + x.id, [done](result<events::publish_ack> ack) {
      done(ack ? result<void>{} : result<void>{ack.error()});
    });
  if (!taken)
    done(taken.error());
}

/// Where a letter goes when nobody says otherwise.
std::string origin_of(const store::dead_letter& x) {
  return is_address(x.subject) ? x.subject : std::string{nats_scheme} + x.subject;
}

result<void> check_target(const std::string& to) {
  if (to.starts_with(nats_scheme)) {
    auto ok = events::check_subject(std::string_view{to}.substr(nats_scheme.size()));
    return ok ? ok
              : result<void>{error{ok.error().code, ok.error().message, parameter_place("to"), {}}};
  }
  auto where = parse_address(to);
  return where ? result<void>{}
               : result<void>{
                 error{errc::invalid_address,
                       "'" + to.substr(0, 100) + "' is neither an address nor nats:SUBJECT",
                       parameter_place("to"),
                       {}}};
}

} // namespace

json::object replayed_json(const replayed& x) {
  return {{"id", x.id}, {"to", x.to}, {"replayed", x.done}};
}

void replay_letter(const api_ptr& a, std::string id, std::string to, bool dry_run,
                   std::function<void(result<replayed>)> done) {
  auto store = a->owner.dead_letters();
  auto letter = store ? store->get(id)
                      : result<store::dead_letter>{
                        error{errc::unavailable, "this node keeps no dead letters", {}, {}}};
  if (!letter) {
    done(letter.error());
    return;
  }
  if (to.empty())
    to = origin_of(*letter);
  if (auto ok = check_target(to); !ok) {
    done(ok.error());
    return;
  }
  if (letter->state == store::dead_letter_state::dropped) {
    done(error{errc::conflict, "the letter was dropped", id, {}});
    return;
  }
  if (letter->state == store::dead_letter_state::replayed || dry_run) {
    done(replayed{
      id, letter->state == store::dead_letter_state::replayed ? letter->replayed_to : to, false});
    return;
  }
  auto claimed = store->mark_replayed(id, to);
  if (!claimed || !*claimed) {
    done(claimed ? result<replayed>{replayed{id, to, false}} : result<replayed>{claimed.error()});
    return;
  }
  auto finish = [a, store, id, to, done](result<void> x) {
    if (x) {
      done(replayed{id, to, true});
      return;
    }
    // The claim is given back where waiting is allowed.
    auto release = [store, id, done, reason = x.error()] {
      static_cast<void>(store->release(id));
      done(reason);
    };
    if (!a->workers.run(release))
      release();
  };
  if (to.starts_with(nats_scheme))
    to_subject(a, to.substr(nats_scheme.size()), *letter, finish);
  else
    to_actor(a, to, *letter, finish);
}

} // namespace coppice::admin
