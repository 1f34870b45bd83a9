#include "runtime/cli/words.hpp"

namespace coppice::cli {

namespace {

struct splitter {
  std::string_view line;
  std::vector<std::string> words;
  size_t last_begin = 0;
  bool in_word = false;
  std::string problem;

  void blanks_behind() {
    if (!in_word)
      last_begin = line.size();
  }

  /// From a bracket to the one that closes it.
  size_t json(size_t i, std::string& word) {
    size_t depth = 0;
    bool quoted = false;
    for (; i < line.size(); ++i) {
      char c = line[i];
      word += c;
      if (quoted && c == '\\' && i + 1 < line.size())
        word += line[++i];
      else if (c == '"')
        quoted = !quoted;
      else if (!quoted && (c == '{' || c == '['))
        ++depth;
      else if (!quoted && (c == '}' || c == ']') && --depth == 0)
        return i + 1;
    }
    problem = "a bracket is not closed";
    return i;
  }

  size_t quoted(size_t i, std::string& word) {
    char quote = line[i++];
    for (; i < line.size() && line[i] != quote; ++i) {
      if (quote == '"' && line[i] == '\\' && i + 1 < line.size()
          && (line[i + 1] == '"' || line[i + 1] == '\\'))
        ++i;
      word += line[i];
    }
    if (i == line.size())
      problem = "a quote is not closed";
    return i + 1;
  }

  void run() {
    size_t i = 0;
    while (i < line.size()) {
      if (line[i] == ' ' || line[i] == '\t') {
        ++i;
        continue;
      }
      if (line[i] == '#') {
        i = line.size();
        break;
      }
      last_begin = i;
      std::string word;
      if (line[i] == '{' || line[i] == '[')
        i = json(i, word);
      while (i < line.size() && line[i] != ' ' && line[i] != '\t') {
        if (line[i] == '\'' || line[i] == '"')
          i = quoted(i, word);
        else if (line[i] == '\\' && i + 1 < line.size())
          word += line[i + 1], i += 2;
        else
          word += line[i++];
      }
      in_word = i >= line.size();
      words.push_back(std::move(word));
    }
    if (!line.empty() && (line.back() == ' ' || line.back() == '\t') && problem.empty())
      in_word = false;
    blanks_behind();
  }
};

} // namespace

result<std::vector<std::string>> split_words(std::string_view line) {
  splitter x{line, {}, 0, false, {}};
  x.run();
  if (!x.problem.empty())
    return error{errc::usage, x.problem, "", ""};
  return std::move(x.words);
}

std::vector<std::string> split_begun(std::string_view line) {
  splitter x{line, {}, 0, false, {}};
  x.run();
  if (!x.in_word)
    x.words.emplace_back();
  return std::move(x.words);
}

size_t begun_at(std::string_view line) {
  splitter x{line, {}, 0, false, {}};
  x.run();
  return x.last_begin;
}

} // namespace coppice::cli
