#include "runtime/json/utf8.hpp"
#include "runtime/json/value.hpp"

#include <charconv>
#include <cmath>

namespace coppice::json {

namespace {

void append_string(std::string& out, std::string_view text) {
  static constexpr char hex[] = "0123456789abcdef";
  out += '"';
  for (size_t i = 0; i < text.size();) {
    auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
      out += text[i++];
    } else if (c >= 0x80) {
      auto length = utf8_length(text, i);
      // Strings of ours may hold anything; what is sent must be JSON.
      if (length == 0)
        out += "\xef\xbf\xbd";
      else
        out.append(text, i, length);
      i += length == 0 ? 1 : length;
    } else {
      static constexpr std::string_view plain = "\"\\\b\f\n\r\t";
      static constexpr std::string_view letters = "\"\\bfnrt";
      out += '\\';
      if (auto at = plain.find(text[i]); at != std::string_view::npos) {
        out += letters[at];
      } else {
        out += "u00";
        out += hex[c >> 4];
        out += hex[c & 15];
      }
      ++i;
    }
  }
  out += '"';
}

template <class T>
void append_number(std::string& out, T x) {
  char text[40];
  auto end = std::to_chars(text, text + sizeof(text), x).ptr;
  out.append(text, end);
}

void append_double(std::string& out, double x) {
  if (!std::isfinite(x)) {
    out += "null";
    return;
  }
  auto start = out.size();
  append_number(out, x);
  // Without it the text would read back as an integer.
  if (out.find_first_of(".e", start) == std::string::npos)
    out += ".0";
}

class printer {
public:
  printer(std::string& out, bool pretty) : out_(out), pretty_(pretty) {}

  void print(const value& x, size_t level) {
    switch (x.kind()) {
      case boost::json::kind::null:
        out_ += "null";
        break;
      case boost::json::kind::bool_:
        out_ += x.get_bool() ? "true" : "false";
        break;
      case boost::json::kind::int64:
        append_number(out_, x.get_int64());
        break;
      case boost::json::kind::uint64:
        append_number(out_, x.get_uint64());
        break;
      case boost::json::kind::double_:
        append_double(out_, x.get_double());
        break;
      case boost::json::kind::string:
        append_string(out_, {x.get_string().data(), x.get_string().size()});
        break;
      case boost::json::kind::array:
        print_all(x.get_array(), '[', ']', level,
                  [this, level](const value& y) { print(y, level + 1); });
        break;
      case boost::json::kind::object:
        print_all(x.get_object(), '{', '}', level, [this, level](const auto& member) {
          append_string(out_, {member.key().data(), member.key().size()});
          out_ += pretty_ ? ": " : ":";
          print(member.value(), level + 1);
        });
        break;
    }
  }

private:
  template <class Container, class F>
  void print_all(const Container& xs, char open, char close, size_t level, F print_one) {
    out_ += open;
    auto first = true;
    for (auto& x : xs) {
      if (!first)
        out_ += ',';
      first = false;
      new_line(level + 1);
      print_one(x);
    }
    if (!first)
      new_line(level);
    out_ += close;
  }

  void new_line(size_t level) {
    if (!pretty_)
      return;
    out_ += '\n';
    out_.append(2 * level, ' ');
  }

  std::string& out_;
  bool pretty_;
};

} // namespace

std::string serialize(const value& x) {
  std::string out;
  printer{out, false}.print(x, 0);
  return out;
}

std::string serialize_pretty(const value& x) {
  std::string out;
  printer{out, true}.print(x, 0);
  return out;
}

} // namespace coppice::json
