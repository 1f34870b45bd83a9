#include "runtime/http/router.hpp"

#include "runtime/base/address.hpp"

#include <algorithm>
#include <exception>

namespace coppice::http {

namespace {

using segments = std::vector<std::string>;

// Hints cost time in the length of the path; longer ones are no misspellings.
constexpr size_t hint_path_bytes_max = 200;

segments split_pattern(std::string_view pattern) {
  COPPICE_ASSERT(pattern.starts_with('/'));
  segments out;
  for (size_t begin = 1; begin < pattern.size();) {
    auto end = std::min(pattern.find('/', begin), pattern.size());
    COPPICE_ASSERT(end > begin);
    out.emplace_back(pattern.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

bool is_parameter(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

bool is_rest(std::string_view segment) {
  return is_parameter(segment) && segment[segment.size() - 2] == '*';
}

std::string_view parameter_name(std::string_view segment) {
  return segment.substr(1, segment.size() - (is_rest(segment) ? 3 : 2));
}

/// How a pattern ranks among those that match one path: the smaller, the more specific.
std::string rank(const segments& pattern) {
  std::string out;
  for (auto& segment : pattern)
    out.push_back(is_rest(segment) ? '2' : is_parameter(segment) ? '1' : '0');
  return out;
}

bool matches(const segments& pattern, const segments& path) {
  auto rest = !pattern.empty() && is_rest(pattern.back());
  if (rest ? path.size() < pattern.size() : path.size() != pattern.size())
    return false;
  for (size_t i = 0; i < pattern.size(); ++i)
    if (is_parameter(pattern[i]) ? path[i].empty() : pattern[i] != path[i])
      return false;
  return true;
}

string_map bound_parameters(const segments& pattern, const segments& path) {
  string_map out;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (!is_parameter(pattern[i]))
      continue;
    auto value = path[i];
    if (is_rest(pattern[i]))
      for (auto j = i + 1; j < path.size(); ++j)
        value += '/' + path[j];
    out.emplace(parameter_name(pattern[i]), std::move(value));
  }
  return out;
}

/// The pattern nearest to a path that has no route; empty when none is near.
std::string nearest_pattern(const std::vector<segments>& patterns, const request& what) {
  if (what.path.size() > hint_path_bytes_max)
    return {};
  std::vector<std::string> candidates;
  for (auto& pattern : patterns) {
    // Parameters count as well written: only the literal segments can be misspelled.
    std::string candidate = pattern.empty() ? "/" : "";
    for (size_t i = 0; i < pattern.size(); ++i) {
      auto given =
        is_parameter(pattern[i]) && i < what.segments.size() && !what.segments[i].empty();
      candidate += '/' + (given ? what.segments[i] : pattern[i]);
    }
    candidates.push_back(std::move(candidate));
  }
  return nearest_name(what.path, candidates);
}

bool allows(const route& x, std::string_view method) {
  return x.method == method || (x.method == "GET" && method == "HEAD");
}

response not_found(const std::vector<segments>& patterns, const request& what) {
  return problem({errc::not_found, "nothing is at this path", what.path.substr(0, 1000),
                  nearest_pattern(patterns, what)});
}

response wrong_method(const request& what, std::vector<std::string> allowed) {
  allowed.emplace_back("OPTIONS");
  if (std::find(allowed.begin(), allowed.end(), "GET") != allowed.end())
    allowed.emplace_back("HEAD");
  std::sort(allowed.begin(), allowed.end());
  allowed.erase(std::unique(allowed.begin(), allowed.end()), allowed.end());
  std::string list;
  for (auto& method : allowed)
    list += (list.empty() ? "" : ", ") + method;
  auto out = what.method == "OPTIONS"
               ? no_content()
               : problem(405, {errc::refused, "this path does not take " + what.method,
                               what.path.substr(0, 1000), list});
  out.headers.set("Allow", list);
  return out;
}

std::optional<response> check_role(const route& target, const request& what) {
  if (target.needed == role::none || what.who().granted >= target.needed)
    return std::nullopt;
  auto needed = std::string{to_string(target.needed)};
  auto anonymous = !what.caller || what.caller->granted == role::none;
  auto reason = !what.caller ? what.caller.error()
                : anonymous  ? error{errc::unauthorized,
                                    "this needs the Unix socket or a token with the role " + needed,
                                    "header Authorization", "Bearer TOKEN"}
                             : error{errc::forbidden,
                                    "this needs the role " + needed + ", and the caller is "
                                      + std::string{to_string(what.who().granted)},
                                    what.path.substr(0, 1000), ""};
  auto out = problem(reason);
  if (out.status == 401)
    out.headers.set("WWW-Authenticate", "Bearer realm=\"coppice\"");
  return out;
}

std::optional<response> check_query(const route& target, const request& what) {
  if (target.query.empty())
    return std::nullopt;
  std::vector<std::string> names;
  for (auto& parameter : target.query) {
    names.push_back(parameter.name);
    if (parameter.required && !what.query.contains(parameter.name))
      return problem(400, {errc::missing_field, "a query parameter is missing",
                           "query parameter '" + parameter.name + "'", ""});
  }
  for (auto& [name, value] : what.query) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      auto shown = name.substr(0, hint_path_bytes_max);
      return problem(400, {errc::unknown_field, "there is no such query parameter",
                           "query parameter '" + shown + "'", nearest_name(shown, names)});
    }
  }
  return std::nullopt;
}

} // namespace

router::router(std::vector<route> routes) {
  for (auto& x : routes)
    add(std::move(x));
}

void router::add(route x) {
  COPPICE_ASSERT(!x.method.empty() && x.handler != nullptr);
  auto pattern = split_pattern(x.pattern);
  auto shape = [](const segments& in) {
    auto out = in;
    for (auto& segment : out)
      if (is_parameter(segment))
        segment = is_rest(segment) ? "{*}" : "{}";
    return out;
  };
  for (size_t i = 0; i < pattern.size(); ++i)
    COPPICE_ASSERT(!is_rest(pattern[i]) || i + 1 == pattern.size());
  for (size_t i = 0; i < routes_.size(); ++i)
    COPPICE_ASSERT(routes_[i].method != x.method || shape(patterns_[i]) != shape(pattern));
  routes_.push_back(std::move(x));
  patterns_.push_back(std::move(pattern));
}

router::match router::choose(request& to) const {
  const route* best = nullptr;
  const segments* best_pattern = nullptr;
  std::vector<std::string> allowed;
  for (size_t i = 0; i < routes_.size(); ++i) {
    if (!matches(patterns_[i], to.segments))
      continue;
    allowed.push_back(routes_[i].method);
    if (!allows(routes_[i], to.method))
      continue;
    // A HEAD route of its own wins over the GET route of the same pattern.
    auto wins = best == nullptr || rank(patterns_[i]) < rank(*best_pattern)
                || (rank(patterns_[i]) == rank(*best_pattern) && routes_[i].method == to.method);
    if (wins) {
      best = &routes_[i];
      best_pattern = &patterns_[i];
    }
  }
  if (best == nullptr)
    return {nullptr,
            allowed.empty() ? not_found(patterns_, to) : wrong_method(to, std::move(allowed))};
  to.params = bound_parameters(*best_pattern, to.segments);
  return {best, std::nullopt};
}

router::match router::find(request& to) const {
  auto out = choose(to);
  if (out.target == nullptr)
    return out;
  if (auto refusal = check_role(*out.target, to))
    return {nullptr, std::move(refusal)};
  if (auto refusal = check_query(*out.target, to))
    return {nullptr, std::move(refusal)};
  return out;
}

void router::invoke(const route& target, request what, exchange_ptr answer) {
  auto where = what.method + " " + target.pattern;
  try {
    target.handler(std::move(what), answer);
  } catch (const std::exception& failure) {
    answer->respond(
      problem({errc::internal, std::string{"the handler failed: "} + failure.what(), where, ""}));
  } catch (...) {
    answer->respond(problem({errc::internal, "the handler failed", where, ""}));
  }
}

void router::dispatch(request what, exchange_ptr answer) const {
  auto found = find(what);
  if (found.target == nullptr)
    answer->respond(*std::move(found.answer));
  else
    invoke(*found.target, std::move(what), std::move(answer));
}

} // namespace coppice::http
