#pragma once

#include "runtime/base/result.hpp"
#include "runtime/cli/file_lock.hpp"

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

/// What `up` writes down about a development cluster: DIR/cluster.json, DIR/.coppice (the marker).
namespace coppice::cli {

/// A process that is the same one only while its start time is the same: a number that is used again is somebody else.
struct process_ref {
  pid_t pid = 0;
  uint64_t start = 0; ///< Clock ticks since boot, /proc/PID/stat field 22; 0: not known.

  bool operator==(const process_ref&) const = default;
};

/// 0 when there is no such process.
uint64_t start_time(pid_t pid);
process_ref self_process();

/// Exists, is the same one, and is no zombie.
bool is_alive(const process_ref& x);

/// Alive, but a SIGKILL or its own exit is under way.
bool is_dying(const process_ref& x);

/// Is anything of it left: also a zombie some of whose threads still end and keep its ports?
bool is_there(const process_ref& x);

/// Does its command line have this word?
bool was_called_with(const process_ref& x, std::string_view word);

struct dev_node {
  std::string name;
  process_ref process;
  std::string socket;
  std::string admin_url;
  std::string log;
  uint16_t link_port = 0;
  uint16_t admin_port = 0;
  std::string exit; ///< How it ended, when the watcher saw it; empty while it runs.
};

struct dev_cluster {
  std::string data;   ///< The folder, absolute.
  std::string config; ///< The configuration file of the nodes.
  process_ref watcher;
  bool respawn = false;
  std::vector<dev_node> nodes;
  std::string nats_url;
  process_ref nats;
  std::string answered; ///< The request (its id) that the watcher has carried out last.
  error problem;        ///< Why it could not; errc::none: it could.

  dev_node* find(std::string_view name);
};

std::string cluster_file(const std::string& folder);
std::string marker_file(const std::string& folder);
/// How long `down` lets a node take, e.g. `20s`, and what the watcher had to kill. Both are gone when `down` has ended.
std::string grace_file(const std::string& folder);
std::string killed_file(const std::string& folder);

/// Writes the marker unless it is there. Errors: errc::storage.
result<void> make_marker(const std::string& folder);

/// Who changes what runs in a folder. A `down` shares it with other ones while it stops things: it would take new ones for
/// the old. An `up` has it alone from its look at the folder until a watcher has that: another one would start a second.
/// It is the marker's, so that stays when everything else is deleted.
class folder_lock {
public:
  /// Does not wait. Errors: errc::in_use, errc::storage (no marker).
  static result<folder_lock> take(const std::string& folder, lock_kind kind);

  folder_lock(folder_lock&& other) noexcept;
  folder_lock& operator=(folder_lock&& other) noexcept;
  ~folder_lock() { release(); }

  /// Before its end.
  void release();

  /// What somebody else has.
  static std::optional<lock_kind> of_others(const std::string& folder);

private:
  explicit folder_lock(int file) : file_(file) {}

  int file_;
};

/// Nothing when there is none. Errors: errc::storage with the file and what is wrong with it.
result<std::optional<dev_cluster>> read_cluster(const std::string& folder);

/// Replaces the file as a whole, mode 0600. Errors: errc::storage.
result<void> write_cluster(const dev_cluster& x);

/// Of $HOME, or the user's own.
std::string home_folder();

/// `$XDG_STATE_HOME/coppice/dev`, `~/.local/state/coppice/dev`; for another program its own name instead of `dev`.
std::string default_data_folder(const std::string& program);

/// What a person hands over is at most this long.
inline constexpr size_t text_bytes_max = 64u << 20;

/// All of it. Errors: errc::too_large.
result<std::string> read_text(std::istream& in);

/// Errors: errc::storage, errc::too_large.
result<std::string> read_text_file(const std::string& path);
result<void> write_text_file(const std::string& path, const std::string& text);

} // namespace coppice::cli
