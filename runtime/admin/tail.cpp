#include "runtime/admin/tail.hpp"

#include "runtime/admin/fan_out.hpp"
#include "runtime/base/address.hpp"
#include "runtime/base/clock.hpp"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <map>

namespace coppice::admin {

namespace {

constexpr duration local_period = std::chrono::milliseconds{200};
constexpr duration tail_poll_period = std::chrono::milliseconds{250};
/// As many as a node gives at once: what came between two looks must fit.
constexpr const char* peer_limit = "10000";

std::string text_of(const json::value& x, std::string_view name) {
  auto* object = x.if_object();
  auto* member = object != nullptr ? object->if_contains(name) : nullptr;
  return member != nullptr && member->is_string() ? std::string{member->as_string()}
                                                  : std::string{};
}

/// One client's stream.
class running_tail : public std::enable_shared_from_this<running_tail> {
public:
  running_tail(api_ptr a, call c, tail_source from, std::shared_ptr<void> place)
    : a_(std::move(a)),
      c_(std::move(c)),
      from_(std::move(from)),
      place_(std::move(place)) {
    since_ = from_.since.ns == 0 ? std::string{} : to_string(from_.since);
    auto last = std::string{c_.in.headers.get("Last-Event-ID")};
    if (parse_instant(last)) {
      since_ = last;
      behind_ = true;
    } else if (auto mark = parse_mark(last)) {
      since_ = mark->since;
      for (auto& [node, place] : mark->nodes)
        filters_.emplace(node, fresh_filter{place});
    }
    writer_ = c_.out->stream();
  }

  void start() {
    if (from_.here)
      a_->timers.every(local_period, [self = shared_from_this()] { return self->poll_here(); });
    if (from_.others || !from_.only_node.empty())
      a_->timers.every(tail_poll_period,
                       [self = shared_from_this()] { return self->poll_others(); });
  }

private:
  fresh_filter& filter_of(const std::string& node) {
    auto at = filters_.find(node);
    // Behind an instant what has that very one was sent before; with since it was not.
    if (at == filters_.end())
      at = filters_.emplace(node, fresh_filter{{behind_ ? since_ : std::string{}, 0}}).first;
    return at->second;
  }

  instant next_of(const std::string& node) {
    auto& filter = filter_of(node);
    auto text = filter.at().empty() ? since_ : filter.at();
    auto at = parse_instant(text);
    return at ? *at : instant{};
  }

  /// Where to read on at another node. Before its first record as a span of time: its clock is not ours.
  std::string since_at(const cluster::member& x) {
    auto next = next_of(x.name);
    if (next.ns == 0)
      return {};
    if (behind_ || !filter_of(x.name).at().empty())
      return to_string(next);
    return to_string(std::max(system_clock().now() - next, duration{1}));
  }

  bool send(const std::string& node, const json::array& records) {
    for (auto& x : records) {
      auto at = text_of(x, "at");
      auto text = json::serialize(x);
      if (filter_of(node).take(at, text) && !writer_->send_event(to_text(mark()), {}, text))
        return false;
    }
    return true;
  }

  tail_mark mark() const {
    tail_mark out{since_, {}};
    for (auto& [node, filter] : filters_)
      if (!filter.at().empty())
        out.nodes.emplace(node, filter.place());
    return out;
  }

  bool poll_here() {
    if (!writer_->is_open())
      return false;
    std::lock_guard guard{mutex_};
    auto& me = a_->owner.name();
    return send(me, from_.local(next_of(me)));
  }

  bool poll_others() {
    if (!writer_->is_open())
      return false;
    for (auto& member : other_members(*a_)) {
      if ((!from_.only_node.empty() && member.name != from_.only_node)
          || member.state == cluster::member_state::down)
        continue;
      std::string target;
      {
        std::lock_guard guard{mutex_};
        if (!waiting_.insert(member.name).second)
          continue;
        target =
          bare_target(c_.in, {{"follow", ""}, {"limit", peer_limit}, {"since", since_at(member)}});
      }
      ask(member.name, target);
    }
    return true;
  }

  void ask(const std::string& name, const std::string& target) {
    a_->owner.forward(name, {"GET", target, {}, c_.who()}, peer_read_deadline,
                      [self = shared_from_this(), name](result<node_internal::forwarded> x) {
                        std::lock_guard guard{self->mutex_};
                        self->waiting_.erase(name);
                        // A node that is away is asked again; what it has is not lost by waiting.
                        if (!x || x->status != 200)
                          return;
                        auto records = json::parse(x->body);
                        if (records && records->is_array())
                          self->send(name, records->as_array());
                      });
  }

  api_ptr a_;
  call c_;
  tail_source from_;
  std::shared_ptr<void> place_;
  http::stream_ptr writer_;
  std::string since_;
  bool behind_ = false;
  std::mutex mutex_;
  std::map<std::string, fresh_filter> filters_;
  std::set<std::string> waiting_;
};

} // namespace

std::string to_text(const tail_mark& x) {
  auto out = "*=" + x.since;
  for (auto& [node, place] : x.nodes)
    out += "," + node + "=" + place.at
           + (place.count == 0 ? std::string{} : "+" + std::to_string(place.count));
  return out;
}

std::optional<tail_mark> parse_mark(std::string_view text) {
  if (!text.starts_with("*="))
    return std::nullopt;
  tail_mark out;
  for (size_t begin = 0; begin <= text.size();) {
    auto end = std::min(text.find(',', begin), text.size());
    auto part = text.substr(begin, end - begin);
    begin = end + 1;
    auto equals = part.find('=');
    if (equals == std::string_view::npos)
      return std::nullopt;
    auto node = part.substr(0, equals);
    auto value = part.substr(equals + 1);
    if (node == "*") {
      out.since = value;
      if (!value.empty() && !parse_instant(value))
        return std::nullopt;
      continue;
    }
    auto plus = std::min(value.find('+'), value.size());
    tail_place place{std::string{value.substr(0, plus)}, 0};
    auto number = value.substr(std::min(plus + 1, value.size()));
    auto [last, failure] =
      std::from_chars(number.data(), number.data() + number.size(), place.count);
    auto counted = failure == std::errc{} && last == number.data() + number.size();
    if (!is_name(node) || !parse_instant(place.at) || (plus < value.size() && !counted))
      return std::nullopt;
    out.nodes.emplace(node, std::move(place));
  }
  return out;
}

bool fresh_filter::take(const std::string& at, const std::string& text) {
  // Instants are compared as such: their texts have 0, 3, 6 or 9 decimals.
  auto mine = parse_instant(at_);
  auto theirs = parse_instant(at);
  if (!theirs)
    return false;
  if (mine && *theirs < *mine)
    return false;
  if (mine && *theirs == *mine) {
    if (!includes_at_ || !seen_.insert(text).second)
      return false;
    if (skip_ == 0)
      return true;
    --skip_;
    return false;
  }
  at_ = at;
  includes_at_ = true;
  skip_ = 0;
  seen_ = {text};
  return true;
}

void answer_tail(const api_ptr& a, call c, tail_source from) {
  auto place = a->take_stream(c);
  if (!place)
    return;
  std::make_shared<running_tail>(a, std::move(c), std::move(from), std::move(place))->start();
}

} // namespace coppice::admin
