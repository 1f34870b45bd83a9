#include "runtime/events/cloud_event_scan.hpp"

#include "runtime/json/utf8.hpp"

#include <algorithm>
#include <array>

namespace coppice::events::detail {

namespace {

constexpr size_t text_bytes_max = 256 << 10;
constexpr size_t depth_max = 16;
/// Names of the objects that are open at one place; each is compared with those of its object.
constexpr size_t names_max = 64;
/// Fewer than a 64-bit integer has at most, and no floating-point number overflows with them.
constexpr size_t number_bytes_max = 18;
constexpr size_t id_bytes_max = 255;
constexpr size_t attribute_bytes_max = 4096;

/// Walks over the text once. Each function returns false when this is no text for this way.
class scanner {
public:
  explicit scanner(std::string_view text) : at_(text.data()), end_(at_ + text.size()) {}

  bool read(event& out) {
    if (!take('{') || peek() == '}')
      return false;
    do {
      std::string_view name;
      if (!plain_string(name) || !take(':') || !member(out, name))
        return false;
    } while (take(','));
    return take('}') && at_ == end_ && has(seen_version) && !out.id.empty() && !out.source.empty()
           && !out.type.empty() && out.id.size() <= id_bytes_max;
  }

private:
  /// Which members were there.
  enum : uint32_t {
    seen_version = 1,
    seen_time = 2,
    seen_data = 4,
    seen_texts = 8, ///< And the bits above it: texts below, in their order.
  };

  struct text_member {
    std::string_view name;
    std::string event::*where;
  };
  static constexpr std::array<text_member, 8> texts{{{"id", &event::id},
                                                     {"source", &event::source},
                                                     {"type", &event::type},
                                                     {"datacontenttype", &event::datacontenttype},
                                                     {"traceparent", &event::traceparent},
                                                     {"subject", &event::subject},
                                                     {"correlationid", &event::correlationid},
                                                     {"causationid", &event::causationid}}};

  char peek() const { return at_ < end_ ? *at_ : '\0'; }

  bool take(char c) {
    if (peek() != c)
      return false;
    ++at_;
    return true;
  }

  bool has(uint32_t bit) const { return (seen_ & bit) != 0; }

  bool first(uint32_t bit) {
    if (has(bit))
      return false;
    seen_ |= bit;
    return true;
  }

  bool member(event& out, std::string_view name) {
    if (name == "data") {
      auto begin = at_;
      if (!first(seen_data) || !value(0))
        return false;
      out.data.assign(begin, at_);
      return true;
    }
    for (size_t i = 0; i < texts.size(); ++i)
      if (name == texts[i].name)
        return first(seen_texts << i) && text(out.*texts[i].where);
    std::string_view found;
    if (name == "time") {
      if (!first(seen_time) || !plain_string(found))
        return false;
      auto time = parse_instant(found);
      if (time)
        out.time = *time;
      return time.has_value();
    }
    if (name == "specversion")
      return first(seen_version) && plain_string(found) && found == "1.0";
    return extension(out, name);
  }

  bool text(std::string& out) {
    std::string_view found;
    if (!plain_string(found) || found.size() > attribute_bytes_max)
      return false;
    out = found;
    return true;
  }

  /// A text or a boolean; numbers are seldom and have more than one spelling.
  bool extension(event& out, std::string_view name) {
    auto begin = at_;
    std::string_view ignored;
    auto is_name = !name.empty() && name.size() <= 64 && name != "data_base64"
                   && std::all_of(name.begin(), name.end(), [](char c) {
                        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
                      });
    if (!is_name || !(peek() == '"' ? plain_string(ignored) : word("true") || word("false")))
      return false;
    return out.extensions.try_emplace(std::string{name}, begin, at_).second;
  }

  static bool is_plain(char c) { return c >= ' ' && c < 0x7f && c != '"' && c != '\\'; }

  /// Printable ASCII without escapes: the text is what it says.
  bool plain_string(std::string_view& out) {
    if (!take('"'))
      return false;
    auto begin = at_;
    while (at_ < end_ && is_plain(*at_))
      ++at_;
    out = {begin, static_cast<size_t>(at_ - begin)};
    return take('"');
  }

  /// A string in the data, which is kept as it is written.
  bool string() {
    if (!take('"'))
      return false;
    while (at_ < end_) {
      if (is_plain(*at_)) {
        ++at_;
        continue;
      }
      auto c = static_cast<unsigned char>(*at_);
      if (c == '"') {
        ++at_;
        return true;
      }
      size_t length = 0;
      if (c == '\\')
        length = std::string_view{"\"\\/bfnrt"}.find(after()) == std::string_view::npos ? 0 : 2;
      else if (c == 0x7f)
        length = 1;
      else if (c >= 0x80)
        length = json::utf8_length({at_, static_cast<size_t>(end_ - at_)}, 0);
      if (length == 0)
        return false;
      at_ += length;
    }
    return false;
  }

  char after() const { return at_ + 1 < end_ ? at_[1] : '\0'; }

  bool word(std::string_view x) {
    if (!std::string_view{at_, static_cast<size_t>(end_ - at_)}.starts_with(x))
      return false;
    at_ += x.size();
    auto next = peek();
    return !((next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z'));
  }

  bool digits() {
    auto begin = at_;
    while (peek() >= '0' && peek() <= '9')
      ++at_;
    return at_ != begin;
  }

  bool number() {
    auto begin = at_;
    take('-');
    auto zero = peek() == '0';
    auto whole = at_;
    if (!digits() || (zero && at_ - whole > 1) || (take('.') && !digits()))
      return false;
    return peek() != 'e' && peek() != 'E' && static_cast<size_t>(at_ - begin) <= number_bytes_max;
  }

  bool value(size_t depth) {
    switch (peek()) {
      case '{':
        return object(depth + 1);
      case '[':
        return array(depth + 1);
      case '"':
        return string();
      case 't':
        return word("true");
      case 'f':
        return word("false");
      case 'n':
        return word("null");
      default:
        return number();
    }
  }

  bool array(size_t depth) {
    ++at_;
    if (depth > depth_max)
      return false;
    if (take(']'))
      return true;
    do {
      if (!value(depth))
        return false;
    } while (take(','));
    return take(']');
  }

  bool object(size_t depth) {
    ++at_;
    if (depth > depth_max)
      return false;
    if (take('}'))
      return true;
    auto own = open_names_;
    do {
      std::string_view name;
      if (!plain_string(name) || !take(':') || !add_name(own, name) || !value(depth))
        return false;
    } while (take(','));
    open_names_ = own;
    return take('}');
  }

  bool add_name(size_t own, std::string_view name) {
    if (open_names_ == names_max)
      return false;
    for (auto i = own; i < open_names_; ++i)
      if (names_[i] == name)
        return false;
    names_[open_names_++] = name;
    return true;
  }

  const char* at_;
  const char* end_;
  uint32_t seen_ = 0;
  size_t open_names_ = 0;
  std::array<std::string_view, names_max> names_;
};

} // namespace

bool scan_event(std::string_view text, event& out) {
  return text.size() <= text_bytes_max && scanner{text}.read(out);
}

} // namespace coppice::events::detail
