#pragma once

#include "runtime/cli/session.hpp"

#include <map>
#include <string>
#include <vector>

namespace coppice::cli {

/// What could stand for the last word of a line: verbs, flags, and names that the node knows (asked at most once a second a
/// kind, with a deadline of 300 ms; a node that is away has no names).
class completer {
public:
  explicit completer(session& in) : in_(in) {}

  /// `words` are the line's words; the last one, possibly empty, is being written.
  std::vector<std::string> candidates(const std::vector<std::string>& words);

private:
  std::vector<std::string> known(word_kind kind, const std::string& begun);
  std::vector<std::string> ask(word_kind kind);
  std::vector<std::string> fields(const std::string& type, const std::string& begun);
  std::vector<std::string> accepted(const std::string& path);

  struct cached {
    duration at{};
    std::vector<std::string> names;
  };

  session& in_;
  std::map<std::string, cached> cache_;
};

/// The place of the word being written, told without the node; pure.
struct word_place {
  word_kind kind = word_kind::any;
  std::vector<std::string> words; ///< Fixed candidates: verbs, flags, or what only is right.
  std::string type;               ///< kind json: the message or actor type whose fields are wanted.
  std::string path; ///< kind message_type: the actor that is to take it; may be empty.
};

word_place place_of(const std::vector<std::string>& words);

} // namespace coppice::cli
