#include "runtime/json/parse_in.hpp"
#include "runtime/json/utf8.hpp"
#include "runtime/json/value.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace coppice::json {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// A recursive-descent parser; its recursion is bounded by parse_limits::depth. A function that returns false has set
/// `failure_`; on the way out each level puts its own token before the pointer.
class parser {
public:
  parser(std::string_view text, const parse_limits& limits)
    : text_(text),
      depth_max_(std::min<size_t>(limits.depth, 1000)) {}

  result<value> run(boost::json::storage_ptr memory) {
    value out(std::move(memory));
    if (text_.starts_with("\xef\xbb\xbf"))
      fail("starts with a byte order mark");
    else if (parse_value(out, 0)) {
      skip_space();
      if (at_ != text_.size())
        fail("has something after the end of the JSON value");
    }
    if (failure_.code != errc::none)
      return std::move(failure_);
    return out;
  }

private:
  bool fail(std::string what, errc code = errc::invalid_json) {
    size_t line = 1;
    size_t start = 0;
    for (size_t i = 0; i < at_ && i < text_.size(); ++i) {
      if (text_[i] == '\n') {
        ++line;
        start = i + 1;
      }
    }
    failure_.code = code;
    failure_.message = "the JSON text " + std::move(what) + " (line " + std::to_string(line)
                       + ", column " + std::to_string(at_ - start + 1) + ")";
    return false;
  }

  bool fail_at(size_t place, std::string what, errc code = errc::invalid_json) {
    at_ = place;
    return fail(std::move(what), code);
  }

  bool inside(std::string_view token) {
    std::string pointer;
    append_pointer(pointer, token);
    failure_.at.insert(0, pointer);
    return false;
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void skip_space() {
    while (at_ < text_.size()
           && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t'))
      ++at_;
  }

  bool parse_value(value& out, size_t depth) {
    skip_space();
    switch (peek()) {
      case '{':
        return parse_object(out.emplace_object(), depth + 1);
      case '[':
        return parse_array(out.emplace_array(), depth + 1);
      case '"':
        if (!parse_string(buffer_))
          return false;
        out.emplace_string().assign(buffer_.data(), buffer_.size());
        return true;
      default:
        if (peek() == '-' || is_digit(peek()))
          return parse_number(out);
        return parse_literal(out);
    }
  }

  bool parse_literal(value& out) {
    auto start = at_;
    while (
      at_ < text_.size()
      && ((text_[at_] >= 'a' && text_[at_] <= 'z') || (text_[at_] >= 'A' && text_[at_] <= 'Z')))
      ++at_;
    auto word = text_.substr(start, at_ - start);
    if (word == "null")
      out.emplace_null();
    else if (word == "true" || word == "false")
      out.emplace_bool() = word == "true";
    else if (word.empty())
      return fail(start >= text_.size() ? "ends where a value is expected"
                                        : "has no value here" + what_is_wrong());
    else
      return fail_at(
        start,
        "has the word " + std::string{word.substr(0, 32)}
          + ", which is no JSON value; numbers, \"strings\", true, false, null, [] and {} are");
    return true;
  }

  std::string what_is_wrong() const {
    switch (peek()) {
      case ',':
      case ']':
      case '}':
        return ": a comma too many?";
      case '\'':
        return ": strings stand in double quotes";
      case '/':
        return ": JSON has no comments";
      case '+':
      case '.':
        return ": numbers start with a digit or -";
      default:
        return "";
    }
  }

  bool enter(size_t depth) {
    if (depth > depth_max_)
      return fail("is nested deeper than " + std::to_string(depth_max_));
    ++at_;
    skip_space();
    return true;
  }

  bool parse_array(array& out, size_t depth) {
    if (!enter(depth))
      return false;
    if (peek() == ']') {
      ++at_;
      return true;
    }
    for (;;) {
      if (!parse_value(out.emplace_back(nullptr), depth))
        return inside(std::to_string(out.size() - 1));
      skip_space();
      auto c = peek();
      if (c != ',' && c != ']')
        return fail(at_ >= text_.size() ? "ends inside an array"
                                        : "has no ',' or ']' after an element of an array");
      ++at_;
      if (c == ']')
        return true;
    }
  }

  bool parse_object(object& out, size_t depth) {
    if (!enter(depth))
      return false;
    if (peek() == '}') {
      ++at_;
      return true;
    }
    for (;;) {
      skip_space();
      auto key_at = at_;
      if (peek() != '"')
        return fail(at_ >= text_.size() ? "ends inside an object"
                                        : "has no field name in double quotes here");
      std::string key;
      if (!parse_string(key))
        return false;
      auto [member, is_new] = out.emplace(key, nullptr);
      if (!is_new)
        return fail_at(key_at, "has the field '" + key + "' twice") || inside(key);
      skip_space();
      if (peek() != ':')
        return fail("has no ':' after a field name") || inside(key);
      ++at_;
      if (!parse_value(member->value(), depth))
        return inside(key);
      skip_space();
      auto c = peek();
      if (c != ',' && c != '}')
        return fail(at_ >= text_.size() ? "ends inside an object"
                                        : "has no ',' or '}' after a field");
      ++at_;
      if (c == '}')
        return true;
    }
  }

  bool parse_string(std::string& out) {
    auto start = at_++;
    out.clear();
    for (;;) {
      auto run = at_;
      while (at_ < text_.size() && is_plain(text_[at_]))
        ++at_;
      out.append(text_, run, at_ - run);
      if (at_ >= text_.size())
        return fail_at(start, "ends inside a string");
      auto c = static_cast<unsigned char>(text_[at_]);
      if (c == '"') {
        ++at_;
        return true;
      }
      if (c == '\\') {
        if (!parse_escape(out))
          return false;
      } else if (c < 0x20) {
        return fail("has a control character inside a string; write \\n, \\t or \\u00XX");
      } else {
        auto length = utf8_length(text_, at_);
        if (length == 0)
          return fail("is not valid UTF-8 inside a string");
        out.append(text_, at_, length);
        at_ += length;
      }
    }
  }

  static bool is_plain(char c) {
    auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
  }

  bool parse_escape(std::string& out) {
    auto start = at_++;
    auto c = peek();
    static constexpr std::string_view letters = "\"\\/bfnrt";
    static constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
    if (auto i = letters.find(c); c != '\0' && i != std::string_view::npos) {
      out += meanings[i];
      ++at_;
      return true;
    }
    if (c != 'u')
      return fail_at(
        start,
        "has an unknown escape in a string; \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX exist");
    ++at_;
    uint32_t code = 0;
    if (!parse_hex4(start, code))
      return false;
    if (code >= 0xdc00 && code <= 0xdfff)
      return fail_at(start, "has a lone low surrogate in a string");
    if (code >= 0xd800 && code <= 0xdbff) {
      uint32_t low = 0;
      if (text_.substr(at_, 2) != "\\u")
        return fail_at(start, "has a lone high surrogate in a string");
      at_ += 2;
      if (!parse_hex4(start, low))
        return false;
      if (low < 0xdc00 || low > 0xdfff)
        return fail_at(start, "has a lone high surrogate in a string");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    append_utf8(out, code);
    return true;
  }

  bool parse_hex4(size_t start, uint32_t& out) {
    auto digits = text_.substr(std::min(at_, text_.size()), 4);
    auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), out, 16);
    if (digits.size() != 4 || problem != std::errc{} || end != digits.data() + 4)
      return fail_at(start, "has a \\u escape without four hex digits in a string");
    at_ += 4;
    return true;
  }

  static void append_utf8(std::string& out, uint32_t code) {
    auto put = [&out](uint32_t byte) { out += static_cast<char>(byte); };
    if (code < 0x80) {
      put(code);
    } else if (code < 0x800) {
      put(0xc0 | code >> 6);
      put(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
      put(0xe0 | code >> 12);
      put(0x80 | (code >> 6 & 0x3f));
      put(0x80 | (code & 0x3f));
    } else {
      put(0xf0 | code >> 18);
      put(0x80 | (code >> 12 & 0x3f));
      put(0x80 | (code >> 6 & 0x3f));
      put(0x80 | (code & 0x3f));
    }
  }

  bool parse_number(value& out) {
    auto start = at_;
    auto digits = [this] {
      auto first = at_;
      while (is_digit(peek()))
        ++at_;
      return at_ != first;
    };
    if (peek() == '-')
      ++at_;
    auto leading_zero = peek() == '0';
    auto whole_at = at_;
    if (!digits())
      return fail_at(start, "has a '-' without a number");
    if (leading_zero && at_ - whole_at > 1)
      return fail_at(start, "has a number with a leading zero");
    auto is_integer = true;
    if (peek() == '.') {
      is_integer = false;
      ++at_;
      if (!digits())
        return fail_at(start, "has a number without a digit after the point");
    }
    if (peek() == 'e' || peek() == 'E') {
      is_integer = false;
      ++at_;
      if (peek() == '+' || peek() == '-')
        ++at_;
      if (!digits())
        return fail_at(start, "has a number without a digit in its exponent");
    }
    return convert_number(out, start, is_integer);
  }

  bool convert_number(value& out, size_t start, bool is_integer) {
    auto number = text_.substr(start, at_ - start);
    auto begin = number.data();
    auto end = begin + number.size();
    auto problem = std::errc{};
    if (is_integer)
      problem = std::from_chars(begin, end, out.emplace_int64()).ec;
    else
      problem = std::from_chars(begin, end, out.emplace_double()).ec;
    if (problem == std::errc{})
      return true;
    auto shown = std::string{number.substr(0, 40)};
    return fail_at(start,
                   is_integer ? "has the integer " + shown + ", outside -2^63 to 2^63-1"
                              : "has the number " + shown
                                  + ", which a 64-bit floating-point number cannot hold",
                   errc::out_of_range);
  }

  std::string_view text_;
  size_t depth_max_;
  size_t at_ = 0;
  std::string buffer_;
  error failure_;
};

} // namespace

result<value> parse(std::string_view text, const parse_limits& limits) {
  return parse_in({}, text, limits);
}

result<value> parse_in(boost::json::storage_ptr memory, std::string_view text,
                       const parse_limits& limits) {
  if (text.size() > limits.bytes)
    return error{errc::too_large,
                 "the JSON text has " + std::to_string(text.size()) + " bytes; at most "
                   + std::to_string(limits.bytes) + " are allowed",
                 {},
                 {}};
  return parser{text, limits}.run(std::move(memory));
}

} // namespace coppice::json
