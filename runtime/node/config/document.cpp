#include "runtime/node/config/document.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <sstream>
#include <unordered_map>

namespace coppice::config {

namespace {

constexpr size_t text_bytes_max = 1 << 20;
constexpr size_t depth_max = 64;
constexpr size_t values_max = 100'000;
constexpr size_t map_keys_max = 4096;
constexpr size_t expanded_bytes_max = 8 << 20;

/// Put behind the text as a comment: yaml-cpp lets the end of the input close a quote, and then it
/// is found in a value.
constexpr std::string_view end_mark = "\n#coppice-end-of-text\n";

/// Thrown through yaml-cpp when going on is pointless; the mistake is already noted.
struct give_up {};

size_t weigh(const value& x, size_t& bytes) {
  size_t out = 1;
  bytes += x.text.size();
  for (auto& item : x.items)
    out += weigh(item, bytes);
  for (auto& member : x.members) {
    bytes += member.key.size();
    out += weigh(member.value, bytes);
  }
  return out;
}

size_t depth_of(const value& x) {
  size_t deepest = 0;
  for (auto& item : x.items)
    deepest = std::max(deepest, depth_of(item));
  for (auto& member : x.members)
    deepest = std::max(deepest, depth_of(member.value));
  return deepest + (x.what == value::kind::list || x.what == value::kind::map ? 1 : 0);
}

class builder : public YAML::EventHandler {
public:
  builder(std::string_view file, std::vector<mistake>& mistakes)
    : file_(file),
      mistakes_(mistakes) {}

  value root;

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    value x;
    x.where = place(mark);
    add(std::move(x), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto found = anchors_.find(anchor);
    if (found == anchors_.end())
      stop(place(mark), "an alias to something that contains it",
           "an alias to a value that is complete");
    auto copy = found->second;
    charge(copy, place(mark));
    if (stack_.size() + depth_of(copy) > depth_max)
      stop_too_deep(place(mark));
    add(std::move(copy), 0, place(mark));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    auto x = value::make_scalar(text, place(mark));
    x.quoted = tag == "!" || tag == "tag:yaml.org,2002:str";
    if (!x.quoted)
      check_tag(tag, x.where);
    else if (text.find(end_mark.substr(1, end_mark.size() - 2)) != std::string::npos)
      stop(x.where, "a quote that is never closed", "a closing quote");
    charge(x, x.where);
    add(std::move(x), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(value::kind::list, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(value::kind::map, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

private:
  struct frame {
    config::value value;
    YAML::anchor_t anchor = 0;
    bool has_key = false;
    bool bad_key = false;
    std::string key;
    origin key_at;
    std::unordered_map<std::string, uint32_t> lines; ///< Of the keys so far.
    std::vector<config::value> merged;               ///< Of `<<`.
  };

  origin place(const YAML::Mark& mark) const {
    return {file_, static_cast<uint32_t>(std::max(mark.line, 0)) + 1,
            static_cast<uint32_t>(std::max(mark.column, 0)) + 1};
  }

  void note(origin where, std::string key, std::string found, std::string expected) {
    mistakes_.push_back(
      {std::move(where), std::move(key), std::move(found), std::move(expected), {}});
  }

  [[noreturn]] void stop(origin where, std::string found, std::string expected) {
    note(std::move(where), {}, std::move(found), std::move(expected));
    throw give_up{};
  }

  [[noreturn]] void stop_too_deep(origin where) {
    stop(std::move(where), "lists and maps nested over 64 levels", "at most 64 levels");
  }

  void charge(const value& x, const origin& where) {
    values_ += weigh(x, bytes_);
    if (values_ > values_max || bytes_ > expanded_bytes_max)
      stop(where, "too many values once aliases are expanded",
           "at most 100,000 values and 8 MiB of text");
  }

  void check_tag(const std::string& tag, const origin& where) {
    if (!tag.empty() && tag != "?")
      note(where, {}, "the tag '" + tag + "'", "no tags; quote what is meant as text");
  }

  void open(value::kind what, const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor) {
    if (stack_.size() >= depth_max)
      stop_too_deep(place(mark));
    frame next;
    next.value.what = what;
    next.value.where = place(mark);
    next.anchor = anchor;
    check_tag(tag, next.value.where);
    charge(next.value, next.value.where);
    stack_.push_back(std::move(next));
  }

  void close() {
    auto top = std::move(stack_.back());
    stack_.pop_back();
    // `<<`: what the map says itself wins, then the earlier of several.
    for (auto& extra : top.merged)
      top.value = merge_shallow(extra, std::move(top.value));
    add(std::move(top.value), top.anchor);
  }

  static value merge_shallow(const value& under, value over) {
    for (auto& member : under.members)
      if (over.find(member.key) == nullptr)
        over.members.push_back(member);
    return over;
  }

  void add(value x, YAML::anchor_t anchor, std::optional<origin> used_at = {}) {
    if (anchor != 0) {
      charge(x, x.where);
      anchors_[anchor] = x;
    }
    if (stack_.empty()) {
      root = std::move(x);
      return;
    }
    auto& top = stack_.back();
    if (top.value.what == value::kind::list) {
      top.value.items.push_back(std::move(x));
    } else if (!top.has_key) {
      take_key(top, x, used_at.value_or(x.where));
    } else {
      top.has_key = false;
      take_member(top, std::move(x));
    }
  }

  void take_key(frame& top, const value& x, origin where) {
    top.has_key = true;
    top.bad_key = x.what != value::kind::scalar;
    top.key = top.bad_key ? "?" : x.text;
    top.key_at = where;
    if (top.bad_key)
      note(std::move(where), {}, describe_kind(x) + " as a key", "a name");
  }

  void take_member(frame& top, value x) {
    if (top.bad_key)
      return;
    if (x.what == value::kind::null)
      x.where = top.key_at; // yaml-cpp points at what comes next.
    if (top.key == "<<") {
      take_merge(top, std::move(x));
      return;
    }
    auto [first, fresh] = top.lines.emplace(top.key, top.key_at.line);
    if (!fresh) {
      note(top.key_at, top.key,
           "the key a second time; first on line " + std::to_string(first->second),
           "each key once in a map");
      return;
    }
    if (top.lines.size() > map_keys_max)
      stop(top.key_at, "over 4096 keys in one map", "at most 4096");
    top.value.members.push_back({std::move(top.key), std::move(top.key_at), std::move(x)});
  }

  void take_merge(frame& top, value x) {
    if (x.what == value::kind::map) {
      top.merged.push_back(std::move(x));
      return;
    }
    auto maps = x.what == value::kind::list;
    for (auto& item : x.items)
      maps = maps && item.what == value::kind::map;
    if (!maps || top.merged.size() + x.items.size() > depth_max)
      note(top.key_at, "<<", describe_kind(x), "an alias to a map, or a short list of such");
    else
      top.merged.insert(top.merged.end(), x.items.begin(), x.items.end());
  }

  std::string file_;
  std::vector<mistake>& mistakes_;
  std::vector<frame> stack_;
  std::unordered_map<YAML::anchor_t, value> anchors_;
  size_t values_ = 0;
  size_t bytes_ = 0;
};

/// Line and column of an offset, from 1.
origin place_of(std::string_view file, std::string_view text, size_t offset) {
  origin out{std::string{file}, 1, 1};
  for (auto c : text.substr(0, offset)) {
    if (c == '\n') {
      ++out.line;
      out.column = 1;
    } else if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) {
      ++out.column;
    }
  }
  return out;
}

/// Offset of the first byte that is no UTF-8 or a control character; npos when all is well.
/// Source: the table of well-formed sequences in the Unicode Standard, section 3.9.
size_t find_bad_byte(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    auto byte = [&](size_t n) {
      return i + n < text.size() ? static_cast<unsigned char>(text[i + n]) : 0u;
    };
    auto tail = [&](size_t n) { return (byte(n) & 0xc0) == 0x80; };
    auto first = byte(0);
    if (first < 0x80) {
      if ((first < 0x20 && first != '\n' && first != '\r' && first != '\t') || first == 0x7f)
        return i;
      i += 1;
    } else if (first >= 0xc2 && first <= 0xdf && tail(1)) {
      i += 2;
    } else if ((first & 0xf0) == 0xe0 && tail(1) && tail(2) && !(first == 0xe0 && byte(1) < 0xa0)
               && !(first == 0xed && byte(1) > 0x9f)) {
      i += 3;
    } else if (first >= 0xf0 && first <= 0xf4 && tail(1) && tail(2) && tail(3)
               && !(first == 0xf0 && byte(1) < 0x90) && !(first == 0xf4 && byte(1) > 0x8f)) {
      i += 4;
    } else {
      return i;
    }
  }
  return std::string_view::npos;
}

/// A tab in the indentation at or shortly before a syntax error is its likely cause: 0 when there
/// is none.
uint32_t find_tab(std::string_view text, uint32_t up_to) {
  uint32_t line = 1;
  while (line <= up_to && !text.empty()) {
    auto end = text.find('\n');
    auto content = text.substr(0, end);
    auto body = content.find_first_not_of(" \t");
    if (body != std::string_view::npos
        && content.substr(0, body).find('\t') != std::string_view::npos)
      return line;
    if (end == std::string_view::npos)
      break;
    text.remove_prefix(end + 1);
    ++line;
  }
  return 0;
}

mistake syntax_mistake(std::string_view file, std::string_view text,
                       const YAML::Exception& problem) {
  origin where{std::string{file}, static_cast<uint32_t>(std::max(problem.mark.line, 0)) + 1,
               static_cast<uint32_t>(std::max(problem.mark.column, 0)) + 1};
  auto says = [&](std::string_view part) { return problem.msg.find(part) != std::string::npos; };
  if (auto tab = find_tab(text, where.line + 1); tab != 0)
    return {{where.file, tab, 1}, {}, "a tab in the indentation", "spaces", {}};
  if (says("end of map not found") || says("end of sequence not found"))
    return {where,
            {},
            "a line that does not fit the indentation above it",
            "the keys of one map, or the dashes of one list, in one column",
            {}};
  if (says("illegal map value"))
    return {
      where,
      {},
      "a ':' where no value can begin",
      "one key a line, in the column of its neighbours; quotes around text that contains ': '",
      {}};
  if (says("end of map flow") || says("end of sequence flow") || says("illegal flow end"))
    return {where,
            {},
            "brackets or braces that do not match",
            "a closing one for each that was opened",
            {}};
  if (says("anchor is not defined"))
    return {where, {}, "an alias without its anchor", "'&NAME' before '*NAME'", {}};
  return {where, {}, "broken YAML (" + problem.msg + ")", "YAML 1.2", {}};
}

} // namespace

mistake too_long(std::string_view file, const std::string& size) {
  return {{std::string{file}, 0, 0}, {}, size + " of text", "at most 1MiB", {}};
}

std::optional<value> parse_document(std::string_view file, std::string_view text,
                                    std::vector<mistake>& mistakes) {
  if (text.size() > text_bytes_max) {
    mistakes.push_back(too_long(file, size_to_string(text.size())));
    return {};
  }
  if (text.starts_with("\xef\xbb\xbf"))
    text.remove_prefix(3);
  if (auto bad = find_bad_byte(text); bad != std::string_view::npos) {
    mistakes.push_back({place_of(file, text, bad),
                        {},
                        "a byte that is no UTF-8 text",
                        "UTF-8 without control characters",
                        {}});
    return {};
  }
  builder handler{file, mistakes};
  try {
    std::istringstream stream{std::string{text}.append(end_mark)};
    YAML::Parser parser{stream};
    if (parser.HandleNextDocument(handler)) {
      builder rest{file, mistakes};
      if (parser.HandleNextDocument(rest)) {
        mistakes.push_back({rest.root.where, {}, "a second document", "one document a file", {}});
        return {};
      }
    }
  } catch (const give_up&) {
    return {};
  } catch (const YAML::Exception& problem) {
    mistakes.push_back(syntax_mistake(file, text, problem));
    return {};
  } catch (const std::exception& problem) {
    mistakes.push_back({{std::string{file}, 0, 0},
                        {},
                        std::string{"unreadable YAML ("} + problem.what() + ")",
                        "YAML 1.2",
                        {}});
    return {};
  }
  if (handler.root.what == value::kind::null) {
    handler.root.what = value::kind::map;
    handler.root.where = {std::string{file}, 1, 1};
  }
  return std::move(handler.root);
}

} // namespace coppice::config
