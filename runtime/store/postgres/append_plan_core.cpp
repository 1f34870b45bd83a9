#include "runtime/store/postgres/append_plan_core.hpp"

#include <algorithm>

namespace coppice::postgres {

void append_planner::know(stream_row stream) {
  auto name = stream.name;
  streams_.insert_or_assign(std::move(name), std::move(stream));
}

void append_planner::know(store::recorded_event event) {
  const auto& x = *stored_.emplace_back(std::make_unique<store::recorded_event>(std::move(event)));
  events_.insert_or_assign(x.id,
                           store::known_event{x.stream, x.version, x.position, x.type, x.data});
}

append_plan append_planner::plan(std::span<const store::append_request* const> requests) {
  append_plan out;
  std::vector<std::string> changed;
  for (const auto* request : requests) {
    auto before = out.events.size();
    out.answers.push_back(decide(*request, out));
    if (out.events.size() > before)
      changed.push_back(request->stream);
  }
  std::sort(changed.begin(), changed.end());
  changed.erase(std::unique(changed.begin(), changed.end()), changed.end());
  for (const auto& name : changed)
    out.streams.push_back(streams_.at(name));
  out.head = head_;
  return out;
}

result<store::append_result> append_planner::decide(const store::append_request& request,
                                                    append_plan& out) {
  auto& stream = stream_of(request.stream);
  if (!store::fits(request.expected, stream.state))
    return repeat(request, store::version_conflict(request.stream, request.expected, stream.state));
  for (size_t i = 0; i < request.events.size(); ++i)
    if (events_.contains(request.events[i].id)) {
      error taken{errc::conflict,
                  "event id '" + request.events[i].id + "' belongs to another event"};
      return i == 0 ? repeat(request, taken) : taken;
    }
  if (stream.id == 0)
    stream.id = static_cast<int64_t>(head_ + 1);
  // A removed stream begins anew behind its last event.
  if (!stream.state.exists)
    stream.first_version = stream.state.version + 1;
  stream.state.exists = true;
  store::append_result answer{.stream = request.stream};
  for (const auto& x : request.events) {
    out.events.push_back(
      {&x, stream.id, ++stream.state.version, ++head_, store::category_of(request.stream)});
    events_.emplace(
      x.id, store::known_event{request.stream, stream.state.version, head_, x.type, x.data});
    answer.ids.push_back(x.id);
  }
  answer.version = stream.state.version;
  answer.position = head_;
  return answer;
}

result<store::append_result> append_planner::repeat(const store::append_request& request,
                                                    const error& unknown) {
  return store::repeat_answer(
    request,
    [this](const std::string& id) -> result<std::optional<store::known_event>> {
      auto i = events_.find(id);
      return i == events_.end() ? std::optional<store::known_event>{} : std::optional{i->second};
    },
    unknown);
}

stream_row& append_planner::stream_of(const std::string& name) {
  auto [i, fresh] = streams_.try_emplace(name);
  if (fresh)
    i->second.name = name;
  return i->second;
}

} // namespace coppice::postgres
