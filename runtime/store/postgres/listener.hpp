#pragma once

#include "runtime/store/event_tail.hpp"

#include <thread>

namespace coppice::postgres {

/// Hears of the commits of other nodes (LISTEN) and moves the store's head for those who follow it. Looks at the head itself
/// after each connection, and when it was told nothing for a while, so that a lost notification only delays.
class listener {
public:
  listener(std::string url, std::string schema, std::shared_ptr<store::detail::tail_hub> hub);
  ~listener();
  listener(const listener&) = delete;
  listener& operator=(const listener&) = delete;

private:
  void loop();
  bool listen();
  bool wait(int fd, duration at_most);

  std::string url_;
  std::string schema_;
  std::shared_ptr<store::detail::tail_hub> hub_;
  int stop_; ///< An eventfd.
  std::thread thread_;
};

} // namespace coppice::postgres
