// /v1/dlq: dead letters of all nodes.
#include "runtime/admin/fan_out.hpp"
#include "runtime/admin/replay.hpp"
#include "runtime/admin/routes.hpp"
#include "runtime/admin/views.hpp"
#include "runtime/events/base64.hpp"
#include "runtime/http/utf8.hpp"

#include <algorithm>

namespace coppice::admin {

namespace {

constexpr uint64_t letters_listed_max = 10'000;
constexpr duration replay_deadline = std::chrono::seconds{8};

error no_letters() {
  return {errc::unavailable, "this node keeps no dead letters", {}, {}};
}

void get_letters(const api_ptr& a, call c) {
  auto filter = letter_filter(c, true);
  if (!filter) {
    c.fail(filter.error());
    return;
  }
  auto local = [a, c, filter = *filter](part_callback done) {
    a->blocking(c, [a, filter, done] {
      auto store = a->owner.dead_letters();
      auto letters =
        store ? store->list(filter) : result<std::vector<store::dead_letter>>{no_letters()};
      if (!letters) {
        done(letters.error());
        return;
      }
      json::array out;
      for (auto& x : *letters)
        out.push_back(letter_json(a->owner.name(), x));
      done(json::value(std::move(out)));
    });
  };
  array_rules rules;
  rules.finish = [limit = filter->limit](json::array& all) {
    std::vector<std::pair<int64_t, json::value>> sorted;
    for (auto& x : all) {
      auto* at = x.is_object() ? x.as_object().if_contains("at") : nullptr;
      auto time = at != nullptr && at->is_string()
                    ? parse_instant(std::string_view{at->as_string()})
                    : result<instant>{instant{}};
      sorted.emplace_back(time ? time->ns : 0, std::move(x));
    }
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](auto& x, auto& y) { return x.first > y.first; });
    all.clear();
    for (auto& [at, x] : sorted)
      if (all.size() < limit || at == 0)
        all.push_back(std::move(x));
  };
  answer_array(a, std::move(c), local, rules);
}

void get_summary(const api_ptr& a, call c) {
  auto local = [a, c](part_callback done) {
    a->blocking(c, [a, done] {
      auto store = a->owner.dead_letters();
      auto counts =
        store ? store->summary() : result<std::vector<store::dead_letter_count>>{no_letters()};
      if (!counts) {
        done(counts.error());
        return;
      }
      json::array out;
      for (auto& x : *counts)
        out.push_back(json::object{{"node", a->owner.name()},
                                   {"reason", x.reason},
                                   {"type", x.type},
                                   {"subject", x.subject},
                                   {"count", x.count},
                                   {"first", instant_json(x.first)},
                                   {"last", instant_json(x.last)}});
      done(json::value(std::move(out)));
    });
  };
  answer_array(a, std::move(c), local);
}

json::value letter_details(const std::string& node, const store::dead_letter& x) {
  auto out = letter_json(node, x);
  if (http::is_utf8(x.payload))
    out["payload"] = x.payload;
  else
    out["payload_base64"] = events::to_base64(x.payload);
  json::object headers;
  for (auto& [name, value] : x.headers) {
    auto& list = headers[name];
    if (!list.is_array())
      list = json::array{};
    list.as_array().emplace_back(value);
  }
  json::array stack;
  for (auto& frame : x.stack)
    stack.emplace_back(frame);
  out["headers"] = std::move(headers);
  out["stack"] = std::move(stack);
  out["replayed_to"] = x.replayed_to.empty() ? json::value(nullptr) : json::value(x.replayed_to);
  out["state_at"] = instant_json(x.state_at);
  return json::value(std::move(out));
}

/// Something about one letter, on the node that has it.
template <class F>
void about_letter(const api_ptr& a, call c, duration deadline, F f) {
  auto id = std::string{c.in.param("id")};
  auto local = [a, c, id, f](part_callback done) {
    a->blocking(c, [a, id, f, done] {
      if (!a->owner.dead_letters())
        done(no_letters());
      else
        f(id, done);
    });
  };
  first_that_has(a, std::move(c), deadline, local);
}

void get_letter(const api_ptr& a, call c) {
  about_letter(a, std::move(c), peer_read_deadline,
               [a](const std::string& id, const part_callback& done) {
                 auto letter = a->owner.dead_letters()->get(id);
                 done(letter ? result<json::value>{letter_details(a->owner.name(), *letter)}
                             : result<json::value>{letter.error()});
               });
}

void delete_letter(const api_ptr& a, call c) {
  about_letter(a, c, peer_read_deadline, [a, c](const std::string& id, const part_callback& done) {
    auto dropped = a->owner.dead_letters()->drop(id);
    if (!dropped) {
      done(dropped.error());
      return;
    }
    if (*dropped)
      a->audit(c, "dlq drop", id);
    done(json::value(json::object{{"id", id}, {"dropped", *dropped}}));
  });
}

void post_replay(const api_ptr& a, call c) {
  auto dry_run = query_flag(c.in, "dry_run");
  if (!dry_run) {
    c.fail(dry_run.error());
    return;
  }
  auto to = std::string{c.in.query_value("to")};
  about_letter(a, c, replay_deadline,
               [a, c, to, dry_run = *dry_run](const std::string& id, const part_callback& done) {
                 replay_letter(a, id, to, dry_run, [a, c, done](result<replayed> x) {
                   if (!x) {
                     done(x.error());
                     return;
                   }
                   if (x->done)
                     a->audit(c, "dlq replay", x->id, {{"to", x->to}});
                   done(json::value(replayed_json(*x)));
                 });
               });
}

} // namespace

result<store::dead_letter_filter> letter_filter(const call& c, bool with_state) {
  store::dead_letter_filter out;
  out.reason = c.in.query_value("reason");
  out.origin = c.in.query_value("origin");
  out.subject = c.in.query_value("subject");
  out.type = c.in.query_value("type");
  if (!with_state)
    return out;
  auto limit = query_number(c.in, "limit", 100, 1, letters_listed_max);
  auto state = query_word(c.in, "state", {"waiting", "replayed", "dropped", "any"});
  if (!limit || !state)
    return !limit ? limit.error() : state.error();
  out.limit = *limit;
  if (*state == "any")
    out.state = std::nullopt;
  else if (!state->empty())
    out.state = store::dead_letter_state_from_string(*state);
  return out;
}

void add_letter_routes(table& to) {
  auto& list =
    to.add("GET", "/v1/dlq", http::role::viewer, "Dead letters, newest first", get_letters);
  list.query = parameters({"reason", "origin", "subject", "type", "state", "limit", "node"});
  list.response_schema = "letter_list";
  auto& summary = to.add("GET", "/v1/dlq/summary", http::role::viewer,
                         "Waiting letters by reason, type and subject", get_summary);
  summary.query = parameters({"node"});
  summary.response_schema = "letter_counts";
  auto& one =
    to.add("GET", "/v1/dlq/{id}", http::role::viewer, "One letter with its payload", get_letter);
  one.query = parameters({"node"});
  one.response_schema = "letter";
  auto& replay = to.add("POST", "/v1/dlq/{id}/replay", http::role::operator_,
                        "Sends a letter again; a second time does nothing", post_replay);
  replay.query = parameters({"to", "dry_run", "node"});
  replay.response_schema = "replayed";
  auto& all = to.add("POST", "/v1/dlq/replay", http::role::operator_,
                     "Sends all waiting letters again, at a rate", post_replay_all);
  all.query = parameters({"to", "rate", "dry_run", "reason", "origin", "subject", "type", "node"});
  all.response_schema = "replayed";
  all.streams = true;
  auto& drop =
    to.add("DELETE", "/v1/dlq/{id}", http::role::operator_, "Gives a letter up", delete_letter);
  drop.query = parameters({"node"});
  drop.response_schema = "dropped";
}

} // namespace coppice::admin
