// POST /v1/dlq/replay: many letters, one after the other, at a rate.
#include "runtime/admin/fan_out.hpp"
#include "runtime/admin/replay.hpp"

#include <algorithm>
#include <deque>
#include <map>

namespace coppice::admin {

namespace {

constexpr uint64_t rate_default = 100;
constexpr uint64_t rate_max = 100'000;
constexpr size_t letters_at_once = 10'000;
constexpr size_t letters_max = 100'000;
constexpr size_t replays_in_flight_max = 32;
constexpr duration peer_deadline = std::chrono::seconds{5};

struct item {
  std::string node; ///< Empty: this one.
  std::string id;
  std::string to; ///< Where it was going: letters with the same go one after the other.
  instant at;
};

/// All waiting letters of this node that the filter takes, oldest first. Blocks.
result<std::deque<item>> waiting_here(const node& owner, store::dead_letter_filter filter) {
  std::deque<item> out;
  filter.state = store::dead_letter_state::waiting;
  filter.limit = letters_at_once;
  while (out.size() < letters_max) {
    auto letters = owner.dead_letters()->list(filter);
    if (!letters)
      return letters.error();
    for (auto& x : *letters)
      out.push_front({{}, x.id, x.subject, x.at});
    if (letters->size() < letters_at_once)
      break;
    filter.after_id = letters->back().id;
  }
  return out;
}

/// One run of a replay for one client; it stops when the client goes. Letters for one destination go one after the
/// other, the oldest first; those for several destinations side by side.
class replay_run : public std::enable_shared_from_this<replay_run> {
public:
  replay_run(api_ptr a, call c, std::deque<item> items, std::string to, bool dry_run, uint64_t rate)
    : a_(std::move(a)),
      to_(std::move(to)),
      who_(c.who()),
      dry_run_(dry_run),
      rate_(rate),
      writer_(c.out->stream()) {
    for (auto& x : items) {
      auto& lane = lanes_[lane_of(x)];
      if (lane.empty())
        ready_.push_back(lane_of(x));
      lane.push_back(std::move(x));
    }
  }

  void start() {
    // Few times a second with many letters each, rather than a timer for each letter.
    auto period = std::chrono::milliseconds{rate_ >= 20 ? 50 : 1000 / rate_};
    burst_ = std::max<size_t>(1, rate_ * static_cast<size_t>(period.count()) / 1000);
    a_->timers.every(period, [self = shared_from_this()] { return self->step(); });
  }

private:
  const std::string& lane_of(const item& x) const { return to_.empty() ? x.to : to_; }

  bool step() {
    {
      std::lock_guard guard{mutex_};
      if (!writer_->is_open())
        return false;
      if (lanes_.empty()) {
        writer_->close();
        return false;
      }
      budget_ = burst_;
    }
    pump();
    return true;
  }

  /// Sends what may be sent now. A letter that ends at once calls this again, which must not nest.
  void pump() {
    {
      std::lock_guard guard{mutex_};
      if (pumping_)
        return;
      pumping_ = true;
    }
    for (;;) {
      item next;
      {
        std::lock_guard guard{mutex_};
        if (budget_ == 0 || ready_.empty() || in_flight_ >= replays_in_flight_max) {
          pumping_ = false;
          return;
        }
        auto lane = lanes_.find(ready_.front());
        ready_.pop_front();
        next = std::move(lane->second.front());
        lane->second.pop_front();
        --budget_;
        ++in_flight_;
      }
      one(next);
    }
  }

  void one(const item& x) {
    auto self = shared_from_this();
    if (!x.node.empty()) {
      auto target = "/v1/dlq/" + http::encode_component(x.id)
                    + "/replay?dry_run=" + (dry_run_ ? "true" : "false")
                    + (to_.empty() ? "" : "&to=" + http::encode_component(to_));
      a_->owner.forward(x.node, {"POST", target, {}, who_}, peer_deadline,
                        [self, x](result<node_internal::forwarded> y) {
                          if (y && y->status == 200)
                            self->finished(x, y->body);
                          else
                            self->failed(
                              x, y ? http::to_error({y->status, {}, y->body, y->content_type})
                                       .value_or(error{errc::internal, "no error", {}, {}})
                                   : y.error());
                        });
      return;
    }
    auto taken = a_->workers.run([self, x] {
      replay_letter(self->a_, x.id, self->to_, self->dry_run_, [self, x](result<replayed> y) {
        if (y)
          self->finished(x, json::serialize(replayed_json(*y)));
        else
          self->failed(x, y.error());
      });
    });
    if (!taken)
      failed(x, {errc::rate_limited, "too many requests wait; try again later", {}, {}});
  }

  void finished(const item& x, const std::string& text) {
    writer_->send_event({}, {}, text);
    {
      std::lock_guard guard{mutex_};
      --in_flight_;
      auto lane = lanes_.find(lane_of(x));
      if (lane->second.empty())
        lanes_.erase(lane);
      else
        ready_.push_back(lane->first);
    }
    if (writer_->is_open())
      pump();
  }

  /// A letter that could not be sent stays waiting; the others go on.
  void failed(const item& x, const error& reason) {
    auto out = error_entry(x.node.empty() ? a_->owner.name() : x.node, reason);
    out["id"] = x.id;
    out["to"] = to_.empty() ? json::value(nullptr) : json::value(to_);
    out["replayed"] = false;
    finished(x, json::serialize(out));
  }

  api_ptr a_;
  std::string to_;
  std::string who_;
  bool dry_run_;
  uint64_t rate_;
  size_t burst_ = 1;
  std::mutex mutex_;
  std::map<std::string, std::deque<item>>
    lanes_;                       ///< By destination; empty: its last one is under way.
  std::deque<std::string> ready_; ///< Lanes with letters of which none is under way.
  size_t budget_ = 0;             ///< Until the next step.
  size_t in_flight_ = 0;
  bool pumping_ = false;
  http::stream_ptr writer_;
};

void run(const api_ptr& a, const call& c, std::deque<item> items, bool dry_run, uint64_t rate) {
  if (!dry_run)
    a->audit(c, "dlq replay all", std::string{c.in.query_value("to")}, {{"letters", items.size()}});
  std::make_shared<replay_run>(a, c, std::move(items), std::string{c.in.query_value("to")}, dry_run,
                               rate)
    ->start();
}

/// The lists of the other nodes, as `GET /v1/dlq` gives them.
std::deque<item> items_of(const std::vector<peer_answer>& answers, const std::string& only_node) {
  std::deque<item> out;
  for (auto& answer : answers) {
    if ((!only_node.empty() && answer.node != only_node) || !answer.body
        || !answer.body->is_array())
      continue;
    auto& letters = answer.body->as_array();
    for (size_t i = letters.size(); i-- > 0;) {
      auto* id = letters[i].is_object() ? letters[i].as_object().if_contains("id") : nullptr;
      if (id == nullptr || !id->is_string())
        continue;
      auto text = [&](std::string_view name) {
        auto* x = letters[i].as_object().if_contains(name);
        return x != nullptr && x->is_string() ? std::string{x->as_string()} : std::string{};
      };
      auto at = parse_instant(text("at"));
      out.push_back(
        {answer.node, std::string{id->as_string()}, text("subject"), at ? *at : instant{}});
    }
  }
  return out;
}

} // namespace

void post_replay_all(const api_ptr& a, call c) {
  auto filter = letter_filter(c, false);
  auto dry_run = query_flag(c.in, "dry_run");
  auto rate = query_number(c.in, "rate", rate_default, 1, rate_max);
  auto where = where_to(*a, c);
  for (auto* failed : {!filter ? &filter.error() : nullptr, !dry_run ? &dry_run.error() : nullptr,
                       !rate ? &rate.error() : nullptr, !where ? &where.error() : nullptr})
    if (failed != nullptr) {
      c.fail(*failed);
      return;
    }
  auto here = where->what != destination::kind::node;
  auto others = where->what != destination::kind::here;
  a->blocking(
    c, [a, c, filter = *filter, dry_run = *dry_run, rate = *rate, where = *where, here, others] {
      auto mine =
        here ? waiting_here(a->owner, filter) : result<std::deque<item>>{std::deque<item>{}};
      if (!mine) {
        c.fail(mine.error());
        return;
      }
      if (!others) {
        run(a, c, std::move(*mine), dry_run, rate);
        return;
      }
      http::request list = c.in;
      list.segments = {"v1", "dlq"};
      auto target = bare_target(
        list,
        {{"to", ""}, {"rate", ""}, {"dry_run", ""}, {"limit", std::to_string(letters_at_once)}});
      ask_others(
        a, "GET", target, {}, c.who(), peer_read_deadline,
        [a, c, mine = std::move(*mine), where, dry_run, rate](std::vector<peer_answer> answers) {
          auto all = mine;
          for (auto& x : items_of(answers, where.node))
            all.push_back(x);
          std::stable_sort(all.begin(), all.end(),
                           [](const item& x, const item& y) { return x.at < y.at; });
          run(a, c, std::move(all), dry_run, rate);
        });
    });
}

} // namespace coppice::admin
