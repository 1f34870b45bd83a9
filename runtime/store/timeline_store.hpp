#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/base/result.hpp"
#include "runtime/store/fwd.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace coppice::store {

/// One entry of a node's timeline as it is kept.
struct timeline_row {
  uint64_t number = 0; ///< From 1, growing.
  instant at;
  std::string kind;
  std::string path;
  std::string text;
  std::string details; ///< A JSON object, or empty.

  bool operator==(const timeline_row&) const = default;
};

struct timeline_stats {
  uint64_t written = 0; ///< Rows on the disk, replaced ones counted again.
  uint64_t dropped = 0; ///< Rows that never got there: too many waited, or the disk refused them.
};

/// A node's timeline on the disk, so that what ended a node can be read after its next start. Rows that come while a
/// batch is being written share the next one; a crash loses at most the batch that is being written and the one that
/// gathers behind it.
/// Threading: thread-safe. Bounds: `waiting_max` rows wait, the oldest give way; 512 rows a batch; how much is kept says
/// the caller.
class timeline_store {
public:
  static constexpr size_t waiting_max = 10'000;

  /// Errors: errc::storage, errc::refused (newer schema).
  static result<std::shared_ptr<timeline_store>> open(std::shared_ptr<sqlite_file> file);

  virtual ~timeline_store() = default;

  /// The newest `limit` rows from `from` on, oldest first. Blocks. Errors: errc::storage.
  virtual result<std::vector<timeline_row>> load(instant from, size_t limit) = 0;

  /// Keeps a row, in place of the one with its number, and forgets all with a number below `oldest`. Never blocks.
  virtual void put(timeline_row row, uint64_t oldest) = 0;

  /// Waits until everything that was put is on the disk. Blocks: never from a scheduler thread.
  /// Errors: errc::storage, errc::refused (the file is closed).
  virtual result<void> flush() = 0;

  virtual timeline_stats stats() const = 0;
};

} // namespace coppice::store
