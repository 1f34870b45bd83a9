#pragma once

#include "runtime/cli/session.hpp"

#include <map>
#include <set>
#include <string>

namespace coppice::cli {

/// Looks on while a development cluster starts: stages with times on the error stream, then a block to copy.
class readiness {
public:
  readiness(session& in, std::string folder);
  ~readiness();
  readiness(const readiness&) = delete;
  readiness& operator=(const readiness&) = delete;

  /// Asks every node that is not ready yet. True when all are.
  /// Errors: errc::not_ready with the end of its log when a node ended.
  result<bool> look();

  /// What is still missing, as an error: errc::not_ready.
  result<bool> late(duration limit);

  /// The block, or the JSON of `up`. `detached`: the cluster goes on without us.
  result<int> summary(bool detached);

private:
  void stage(const std::string& what, const std::string& text);
  void status(const std::string& line);

  session& in_;
  std::string folder_;
  duration begin_;
  std::set<std::string> ready_;
  std::map<std::string, std::string> waits_;
  std::string status_;
  std::set<std::string> before_; ///< What ran already when this began, by name and process.
};

} // namespace coppice::cli
