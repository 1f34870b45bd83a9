#include "runtime/cluster/refusal_digest.hpp"

#include <algorithm>

namespace coppice::cluster {

void refusal_digest::add(std::string_view source, std::string reason, std::string text,
                         duration now) {
  auto host = source.substr(0, source.rfind(':'));
  auto at = sources_.find(host);
  if (at == sources_.end()) {
    // One less, for those that share an entry.
    if (sources_.size() + 1 >= sources_max)
      host = "others";
    at = sources_.try_emplace(std::string{host}).first;
    if (at->second.what.source.empty()) {
      at->second.what.source = host;
      at->second.due = now;
    }
  }
  auto& what = at->second.what;
  what.reason = std::move(reason);
  what.text = std::move(text);
  ++what.count;
}

std::vector<turned_away> refusal_digest::take_due(duration now) {
  std::vector<turned_away> out;
  for (auto i = sources_.begin(); i != sources_.end();) {
    auto& x = i->second;
    if (now < x.due) {
      ++i;
    } else if (x.what.count == 0) {
      i = sources_.erase(i);
    } else {
      out.push_back(x.what);
      x.what.count = 0;
      x.interval = std::clamp(x.interval * 2, interval_min, interval_max);
      x.due = now + x.interval;
      ++i;
    }
  }
  return out;
}

} // namespace coppice::cluster
