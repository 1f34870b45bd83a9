#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/base/result.hpp"
#include "runtime/cli/fwd.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::cli {

/// What can stand at a place of the command line; for completion.
enum class word_kind : uint8_t {
  any,
  path,
  node,
  actor_type,
  message_type,
  stream,
  dead_letter,
  json,
  file,
  verb,
  code,
  any_type, ///< A message or an actor type.
  consumer
};

struct argument {
  std::string name; ///< `PATH`.
  std::string text = {};
  word_kind kind = word_kind::any;
  bool required = true;
  std::vector<std::string> words = {}; ///< When only these are right.
  bool may_be_empty = false;           ///< `''` is a value like any other.
};

struct flag {
  std::string name;       ///< `--since`, or with a short form `-f,--follow`.
  std::string value = {}; ///< `DURATION`; empty: a switch.
  std::string text = {};
  word_kind kind = word_kind::any;
  std::vector<std::string> words = {};
  bool many = false; ///< May be given several times.

  std::string long_name() const;  ///< `--since`.
  std::string short_name() const; ///< `-f`, or empty.
};

/// A verb's words, taken apart.
class arguments {
public:
  /// The value of a flag (`since`) or an argument (`PATH`); empty when absent.
  const std::string& get(std::string_view name) const;
  const std::vector<std::string>& all(std::string_view name) const;
  bool has(std::string_view name) const;

  /// Does the line itself say it, rather than the environment?
  bool on_line(std::string_view name) const;

  /// Errors: errc::usage naming the flag.
  result<std::optional<uint64_t>> number(std::string_view name, uint64_t min = 0,
                                         uint64_t max = UINT64_MAX) const;

  /// A span, in which `m` means minutes. Errors: errc::usage naming the flag, also for a zero that may not be.
  result<std::optional<duration>> time(std::string_view name, bool may_be_zero = true) const;

  void add(const std::string& name, std::string value) {
    values_[name].push_back(std::move(value));
  }
  void add_from_environment(const std::string& name, std::string value) {
    add(name, std::move(value));
    from_environment_.insert(name);
  }

private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
  std::set<std::string, std::less<>> from_environment_;
};

/// Does the work: an exit status, or what went wrong.
using verb_function = result<int> (*)(session&, const arguments&);

struct verb {
  std::string name; ///< `tree`, `dlq ls`.
  std::string summary;
  verb_function run = nullptr;
  std::vector<argument> args = {};
  std::vector<flag> flags = {};
  std::vector<std::string> examples =
    {}; ///< Without the program's name; a pipeline names it PROGRAM.
  std::string details = {};
  bool can_watch = false; ///< `--watch` makes sense.
  bool asks = false;      ///< Needs a yes.
  bool raw = false;       ///< Takes everything behind its name as it stands.
  bool hidden = false;

  /// `tree [PATH] [--depth N] ...`
  std::string usage() const;
};

/// Every verb, in the order of the help page.
const std::vector<verb>& all_verbs();

const verb* find_verb(std::string_view name);

/// Flags that every verb takes.
const std::vector<flag>& global_flags();

/// The verb that a line begins with (one or two words), and what is left of the line.
struct verb_match {
  const verb* found = nullptr;
  std::vector<std::string> rest; ///< Global flags in front of the verb are moved here.
};

/// Errors: errc::usage with the nearest verb as a hint; for `dlq` alone, the verbs that begin so.
result<verb_match> match_verb(const std::vector<std::string>& words);

/// Errors: errc::usage naming the word that is wrong and the nearest flag. An empty value is wrong, too: it would be taken
/// for an absent one, and that means everything in places.
/// `lookup` gives environment variables; a flag `--data` that is absent takes COPPICE_DATA; an
/// empty variable is none.
result<arguments> parse_arguments(const verb& what, const std::vector<std::string>& words,
                                  const char* (*lookup)(const char*));

/// `--min-mailbox` -> `COPPICE_MIN_MAILBOX`.
std::string environment_name(std::string_view flag_name);

} // namespace coppice::cli
