#include "runtime/testkit/hooks.hpp"

#include "runtime/supervision/cell.hpp"
#include "runtime/supervision/supervisor_actor.hpp"
#include "runtime/testkit/failure.hpp"

#include <caf/local_actor.hpp>
#include <caf/mailbox_element.hpp>

#include <algorithm>

namespace coppice::testkit {

namespace {

std::string path_of(const caf::local_actor& x) {
  if (auto* worker = dynamic_cast<const supervision::cell*>(&x))
    return worker->place()->path();
  if (auto* supervisor = dynamic_cast<const supervision::supervisor_actor*>(&x))
    return supervisor->path();
  return "(actor " + std::to_string(x.id()) + ")";
}

caf::type_id_t first_type(const caf::message& x) {
  return x.empty() ? caf::invalid_type_id : x.types()[0];
}

} // namespace

std::string type_name(caf::type_id_t x) {
  if (x == caf::invalid_type_id)
    return "an empty message";
  auto name = caf::query_type_name(x);
  return {name.data(), name.size()};
}

void hooks::crash_on(std::string path, caf::type_id_t type, size_t times, std::string reason) {
  if (times == 0)
    crashes_.erase({std::move(path), type});
  else
    crashes_[{std::move(path), type}] = {times, std::move(reason)};
}

std::string hooks::busiest() const {
  struct line {
    size_t times;
    std::string text;
  };
  std::vector<line> lines;
  for (auto& [id, x] : counts_)
    for (auto& [type, times] : x.handled)
      lines.push_back({times, x.path + " " + std::to_string(times) + " x " + type_name(type)});
  std::sort(lines.begin(), lines.end(), [](auto& a, auto& b) { return a.times > b.times; });
  std::string out;
  for (size_t i = 0; i < std::min<size_t>(lines.size(), 3); ++i)
    out += (i == 0 ? "" : ", ") + lines[i].text;
  return out;
}

void hooks::before_processing(const caf::local_actor& self, const caf::mailbox_element& x) {
  next_->before_processing(self, x);
  auto type = first_type(x.payload);
  auto& mine = counts_[self.id()];
  if (mine.path.empty())
    mine.path = path_of(self);
  ++mine.handled[type];
  if (crashes_.empty() || x.mid.is_response())
    return;
  auto i = crashes_.find({path_of(self), type});
  if (i == crashes_.end())
    return;
  auto reason = i->second.reason;
  if (--i->second.times == 0)
    crashes_.erase(i);
  throw injected_crash{reason};
}

void hooks::add_actor(const caf::local_actor& self, const caf::local_actor* parent) {
  next_->add_actor(self, parent);
}

void hooks::remove_actor(const caf::local_actor& self) {
  next_->remove_actor(self);
}

void hooks::after_processing(const caf::local_actor& self, caf::invoke_message_result result) {
  next_->after_processing(self, result);
}

void hooks::before_sending(const caf::local_actor& self, caf::mailbox_element& x) {
  next_->before_sending(self, x);
}

void hooks::before_sending_scheduled(const caf::local_actor& self,
                                     caf::actor_clock::time_point when, caf::mailbox_element& x) {
  next_->before_sending_scheduled(self, when, x);
}

} // namespace coppice::testkit
