#include "runtime/admin/fan_out.hpp"

#include "runtime/base/address.hpp"
#include "runtime/cluster/cluster.hpp"

namespace coppice::admin {

namespace {

std::string readable_nodes(const std::vector<std::string>& names) {
  std::string out;
  for (auto& name : names)
    out += (out.empty() ? "" : ", ") + name;
  return out;
}

result<void> check_node(const api& a, const std::string& name) {
  std::vector<std::string> names{a.owner.name()};
  if (auto* peers = a.owner.peers())
    for (auto& member : peers->members()) {
      if (member.name == name)
        return {};
      names.push_back(member.name);
    }
  if (name == a.owner.name())
    return {};
  return error{errc::not_found, "there is no node '" + name + "'", name, nearest_name(name, names)};
}

http::response to_response(const result<node_internal::forwarded>& x, const std::string& node) {
  if (x)
    return {.status = x->status, .headers = {}, .body = x->body, .content_type = x->content_type};
  auto reason = x.error();
  if (reason.at.empty())
    reason.at = node;
  return http::problem(reason);
}

result<json::value> to_value(const http::response& x) {
  if (auto failed = http::to_error(x))
    return *failed;
  json::parse_limits limits;
  limits.bytes = 256 << 20;
  return json::parse(x.body, limits);
}

/// Answers of several nodes on their way.
struct gathering {
  std::mutex mutex;
  std::vector<peer_answer> answers;
  size_t missing = 0;
  std::function<void(std::vector<peer_answer>)> done;

  void put(size_t index, result<json::value> x) {
    {
      std::lock_guard guard{mutex};
      answers[index].body = std::move(x);
      if (--missing > 0)
        return;
    }
    done(std::move(answers));
  }
};

} // namespace

json::object error_entry(const std::string& node, const error& reason) {
  return {
    {"node", node},
    {"error",
     json::object{{"code", to_string(reason.code)},
                  {"message", to_string(error{reason.code, reason.message, {}, reason.hint})}}}};
}

result<destination> where_to(const api& a, const call& c, const std::string& node_name) {
  destination out;
  if (c.forwarded())
    return out;
  if (node_name.empty()) {
    out.what = other_members(a).empty() ? destination::kind::here : destination::kind::everywhere;
    return out;
  }
  if (auto known = check_node(a, node_name); !known)
    return known.error();
  if (node_name != a.owner.name()) {
    out.what = destination::kind::node;
    out.node = node_name;
  }
  return out;
}

result<destination> where_to(const api& a, const call& c) {
  auto named = std::string{c.in.query_value("node")};
  std::string path;
  if (auto text = c.in.query_value("path"); !text.empty()) {
    auto where = parse_address(text);
    if (!where) {
      auto reason = where.error();
      reason.at = parameter_place("path");
      return reason;
    }
    if (!where->node.empty() && !named.empty() && where->node != named)
      return error{errc::invalid_value,
                   "the path is of " + where->node + ", but the node asked for is " + named,
                   parameter_place("node"), where->node};
    if (!where->node.empty())
      named = where->node;
    path = where->path;
  }
  auto out = where_to(a, c, named);
  if (out)
    out->path = std::move(path);
  return out;
}

std::vector<cluster::member> other_members(const api& a) {
  std::vector<cluster::member> out;
  if (auto* peers = a.owner.peers())
    for (auto& member : peers->members())
      if (member.name != a.owner.name() && member.state != cluster::member_state::removed)
        out.push_back(std::move(member));
  return out;
}

std::string bare_target(const http::request& from, const http::string_map& replaced) {
  auto query = from.query;
  query.erase("node");
  if (auto at = query.find("path"); at != query.end())
    if (auto where = parse_address(at->second))
      at->second = where->path;
  if (auto at = query.find("stream"); at != query.end() && from.path.starts_with("/v1/events"))
    at->second = split_stream(at->second).second;
  for (auto& [name, value] : replaced) {
    if (value.empty())
      query.erase(name);
    else
      query.insert_or_assign(name, value);
  }
  std::string out;
  for (auto& segment : from.segments)
    out += '/' + http::encode_component(segment);
  auto separator = '?';
  for (auto& [name, value] : query) {
    out += separator + http::encode_component(name) + '=' + http::encode_component(value);
    separator = '&';
  }
  return out;
}

std::string bare_target(const http::request& from) {
  return bare_target(from, {});
}

void relay(const api_ptr& a, const std::string& node, call c, duration deadline,
           std::string target) {
  node_internal::forward request{c.in.method, std::move(target), std::move(c.in.body), c.who()};
  // The client's trace goes on at the other node.
  auto given = telemetry::parse_traceparent(c.in.headers.get("traceparent"));
  telemetry::trace_scope scope{given ? *given : telemetry::current_trace()};
  a->owner.forward(node, std::move(request), deadline,
                   [node, out = c.out](result<node_internal::forwarded> x) {
                     out->respond(to_response(x, node));
                   });
}

void relay(const api_ptr& a, const std::string& node, call c, duration deadline) {
  auto target = bare_target(c.in);
  relay(a, node, std::move(c), deadline, std::move(target));
}

void ask_others(const api_ptr& a, const std::string& method, const std::string& target,
                const std::string& body, const std::string& who, duration deadline,
                std::function<void(std::vector<peer_answer>)> done) {
  auto members = other_members(*a);
  if (members.empty()) {
    done({});
    return;
  }
  auto all = std::make_shared<gathering>();
  all->missing = members.size();
  all->done = std::move(done);
  for (auto& member : members)
    all->answers.push_back(
      {member.name, std::string{to_string(member.state)},
       error{errc::timeout, "no answer from " + member.name, member.name, {}}});
  for (size_t i = 0; i < members.size(); ++i) {
    auto name = members[i].name;
    a->owner.forward(name, {method, target, body, who}, deadline,
                     [all, i, name](result<node_internal::forwarded> x) {
                       all->put(i, to_value(to_response(x, name)));
                     });
  }
}

namespace {

/// One array out of this node's part and the others'.
http::response merge(const std::string& me, result<json::value>& mine,
                     std::vector<peer_answer>& others, const array_rules& rules) {
  json::array out;
  size_t failed = 0;
  auto add = [&](const std::string& node, result<json::value>& part) {
    if (part && part->is_array()) {
      for (auto& x : part->as_array())
        out.push_back(std::move(x));
      return;
    }
    auto reason = part ? error{errc::protocol, "the answer is no array", node, {}} : part.error();
    ++failed;
    if (rules.skip_not_found && reason.code == errc::not_found)
      return;
    out.push_back(rules.failure ? rules.failure(node, reason)
                                : json::value(error_entry(node, reason)));
  };
  add(me, mine);
  for (auto& other : others)
    add(other.node, other.body);
  auto nobody = failed == others.size() + 1;
  if (!mine && (out.empty() || (rules.all_failed_is_failure && nobody)))
    return problem_of(mine.error());
  if (rules.finish)
    rules.finish(out);
  return http::json(200, json::serialize(out));
}

} // namespace

void answer_array(const api_ptr& a, call c, std::function<void(part_callback)> local,
                  array_rules rules) {
  auto where = where_to(*a, c);
  if (!where) {
    c.fail(where.error());
    return;
  }
  if (where->what == destination::kind::node) {
    relay(a, where->node, std::move(c), rules.deadline);
    return;
  }
  if (where->what == destination::kind::here) {
    local([c, rules](result<json::value> x) {
      if (x && rules.finish && x->is_array())
        rules.finish(x->as_array());
      c.answer(x);
    });
    return;
  }
  // Both at once: this node's part may have to wait for a disk.
  struct both {
    std::mutex mutex;
    std::optional<result<json::value>> mine;
    std::optional<std::vector<peer_answer>> others;
  };
  auto state = std::make_shared<both>();
  auto finish = [a, c, rules, state] {
    {
      std::lock_guard guard{state->mutex};
      if (!state->mine || !state->others)
        return;
    }
    c.out->respond(merge(a->owner.name(), *state->mine, *state->others, rules));
  };
  ask_others(a, c.in.method, bare_target(c.in), c.in.body, c.who(), rules.deadline,
             [state, finish](std::vector<peer_answer> x) {
               {
                 std::lock_guard guard{state->mutex};
                 state->others = std::move(x);
               }
               finish();
             });
  local([state, finish](result<json::value> x) {
    {
      std::lock_guard guard{state->mutex};
      state->mine = std::move(x);
    }
    finish();
  });
}

void at_path(const api_ptr& a, call c, duration deadline,
             std::function<void(call, std::string path)> here) {
  if (c.in.query_value("path").empty()) {
    c.fail({errc::missing_field,
            "a path is needed, e.g. path=/user/edge/host",
            parameter_place("path"),
            {}});
    return;
  }
  auto where = where_to(*a, c);
  if (!where) {
    c.fail(where.error());
    return;
  }
  if (where->what == destination::kind::node) {
    relay(a, where->node, std::move(c), deadline);
    return;
  }
  auto local = a->owner.locate(where->path);
  if (local || where->what == destination::kind::here) {
    if (local)
      here(std::move(c), where->path);
    else
      c.fail(local.error());
    return;
  }
  find_home(a, std::move(c),
            [a, deadline](call c, std::string home) { relay(a, home, std::move(c), deadline); });
}

void find_homes(const api_ptr& a, const call& c,
                std::function<void(result<std::vector<std::string>>)> found) {
  auto path = std::string{c.in.query_value("path")};
  auto missing = a->owner.locate(path);
  auto miss = missing ? error{errc::not_found, "nothing is there", path, {}} : missing.error();
  auto target = "/v1/tree?depth=0&path=" + http::encode_component(path);
  auto who = c.who();
  auto chosen = [found = std::move(found), miss](std::vector<peer_answer> answers) mutable {
    std::vector<std::string> homes;
    std::vector<std::string> silent;
    for (auto& x : answers) {
      if (x.body)
        homes.push_back(x.node);
      else if (x.body.error().code != errc::not_found)
        silent.push_back(x.node);
    }
    if (!homes.empty()) {
      found(std::move(homes));
      return;
    }
    if (!silent.empty())
      miss.message += "; out of reach: " + readable_nodes(silent);
    found(std::move(miss));
  };
  ask_others(a, "GET", target, {}, who, peer_read_deadline, std::move(chosen));
}

void find_home(const api_ptr& a, call c, std::function<void(call, std::string node)> found) {
  find_homes(a, c, [c, found = std::move(found)](result<std::vector<std::string>> homes) {
    if (!homes) {
      c.fail(homes.error());
      return;
    }
    if (homes->size() == 1) {
      found(c, homes->front());
      return;
    }
    auto path = std::string{c.in.query_value("path")};
    auto first = homes->front() + ":" + path;
    c.fail({errc::conflict,
            "several nodes have this path: " + readable_nodes(*homes) + "; name one, e.g. " + first,
            path, first});
  });
}

void first_that_has(const api_ptr& a, call c, duration deadline,
                    std::function<void(part_callback)> local) {
  auto where = where_to(*a, c);
  if (!where) {
    c.fail(where.error());
    return;
  }
  if (where->what == destination::kind::node) {
    relay(a, where->node, std::move(c), deadline);
    return;
  }
  auto alone = where->what == destination::kind::here;
  local([a, c, deadline, alone](result<json::value> x) {
    if (x || alone || x.error().code != errc::not_found) {
      c.answer(x);
      return;
    }
    ask_others(a, c.in.method, bare_target(c.in), c.in.body, c.who(), deadline,
               [c, miss = x.error()](std::vector<peer_answer> answers) {
                 for (auto& other : answers)
                   if (other.body) {
                     c.answer(other.body);
                     return;
                   }
                 for (auto& other : answers)
                   if (other.body.error().code != errc::not_found) {
                     c.fail(other.body.error());
                     return;
                   }
                 c.fail(miss);
               });
  });
}

} // namespace coppice::admin
