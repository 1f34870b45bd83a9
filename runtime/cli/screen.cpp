// What a session begins with: the screen, the options of every verb, and small helpers of requests.
#include "runtime/cli/dev_state.hpp"
#include "runtime/cli/session.hpp"

#include <cstdlib>
#include <iostream>

#include <sys/ioctl.h>
#include <unistd.h>

namespace coppice::cli {

namespace {

bool locale_is_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const auto* value = std::getenv(name);
    if (value == nullptr || *value == '\0')
      continue;
    std::string_view text = value;
    return text.find("UTF-8") != text.npos || text.find("utf8") != text.npos
           || text.find("UTF8") != text.npos;
  }
  return false;
}

format format_of(const std::string& word) {
  if (word == "wide")
    return format::wide;
  if (word == "json")
    return format::json;
  if (word == "yaml")
    return format::yaml;
  return word == "name" ? format::name : format::table;
}

} // namespace

screen standard_screen() {
  screen out;
  out.out = &std::cout;
  out.err = &std::cerr;
  out.in = &std::cin;
  out.out_is_terminal = ::isatty(STDOUT_FILENO) == 1;
  out.err_is_terminal = ::isatty(STDERR_FILENO) == 1;
  out.in_is_terminal = ::isatty(STDIN_FILENO) == 1;
  const auto* no_colour = std::getenv("NO_COLOR");
  const auto* kind = std::getenv("TERM");
  out.how.colour = out.out_is_terminal && (no_colour == nullptr || *no_colour == '\0')
                   && (kind == nullptr || std::string_view{kind} != "dumb");
  out.how.utf8 = locale_is_utf8();
  if (out.out_is_terminal) {
    winsize size{};
    out.how.width =
      ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
  }
  return out;
}

result<global_options> read_globals(const arguments& from, const cli_environment& env) {
  global_options out;
  out.output = format_of(from.get("output"));
  out.node = from.get("node");
  out.context = from.get("context");
  out.data = from.has("data") ? from.get("data") : default_data_folder(env.program);
  auto timeout = from.time("timeout", false);
  if (!timeout)
    return timeout.error();
  out.timeout = *timeout;
  out.yes = from.has("yes");
  out.watch = from.has("watch");
  out.verbose = from.has("verbose");
  return out;
}

std::string make_target(std::string_view path, const query& values) {
  std::string out{path};
  char sign = '?';
  for (const auto& [key, text] : values) {
    if (text.empty())
      continue;
    out += sign + key + "=" + http::encode_component(text);
    sign = '&';
  }
  return out;
}

std::function<std::string(const json::value&)> names_of(std::string key) {
  return [key](const json::value& x) {
    std::string out;
    if (x.is_array()) {
      for (const auto& item : x.get_array())
        if (!text(item, key).empty())
          out += escape_text(text(item, key)) + "\n";
    } else if (!text(x, key).empty()) {
      out = escape_text(text(x, key)) + "\n";
    }
    return out;
  };
}

} // namespace coppice::cli
