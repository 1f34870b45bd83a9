#include "runtime/cli/help.hpp"

#include <algorithm>

namespace coppice::cli {

namespace {

/// Breaks at blanks so that lines stay within `width`; further lines are indented.
std::string wrap(std::string_view text, size_t indent, size_t width) {
  std::string out;
  size_t used = indent;
  while (!text.empty()) {
    auto blank = text.find(' ');
    auto word = text.substr(0, blank);
    if (used > indent && used + 1 + display_width(word) > width) {
      out += "\n" + std::string(indent, ' ');
      used = indent;
    } else if (used > indent) {
      out += ' ';
      ++used;
    }
    out += word;
    used += display_width(word);
    text = blank == std::string_view::npos ? std::string_view{} : text.substr(blank + 1);
  }
  return out;
}

std::string flag_lines(const std::vector<flag>& flags, const style& how) {
  size_t width = 0;
  std::vector<std::string> names;
  for (const auto& x : flags) {
    auto shown =
      x.short_name().empty() ? "    " + x.long_name() : x.short_name() + ", " + x.long_name();
    if (!x.value.empty())
      shown += " " + x.value;
    width = std::max(width, shown.size());
    names.push_back(shown);
  }
  std::string out;
  for (size_t i = 0; i < flags.size(); ++i)
    out += "  " + paint(how, tone::strong, pad(names[i], width)) + "  "
           + wrap(flags[i].text, width + 4, 80) + "\n";
  return out;
}

} // namespace

std::string help_page(const cli_environment& env, const style& how) {
  std::string out = "usage: " + command_of(env) + " VERB ...\n";
  size_t width = 0;
  for (const auto& x : all_verbs())
    if (!x.hidden)
      width = std::max(width, x.name.size());
  for (const auto& x : env.verbs)
    width = std::max(width, x.name.size());
  struct heading {
    std::string_view first;
    std::string_view title;
  };
  constexpr heading headings[]{{"up", "cluster"},
                               {"tree", "the tree"},
                               {"spawn", "actors and messages"},
                               {"pub", "subjects and streams"},
                               {"dlq ls", "dead letters"},
                               {"events read", "event store"},
                               {"history", "looking closer"},
                               {"config check", "operations"},
                               {"console", "this program"}};
  for (const auto& x : all_verbs()) {
    if (x.hidden)
      continue;
    for (const auto& h : headings)
      if (h.first == x.name)
        out += "\n" + paint(how, tone::dim, h.title) + "\n";
    out += "  " + paint(how, tone::strong, pad(x.name, width)) + "  "
           + wrap(x.summary, width + 4, 80) + "\n";
  }
  for (const auto& x : env.verbs)
    out += "  " + paint(how, tone::strong, pad(x.name, width)) + "  "
           + wrap(x.summary, width + 4, 80) + "\n";
  out += "\n" + paint(how, tone::dim, "every verb takes") + "\n" + flag_lines(global_flags(), how);
  out += "\n`" + command_of(env) + " help VERB` shows one verb with examples.\n";
  return out;
}

std::string help_of(const verb& what, const std::string& program, const style& how) {
  std::string out = "usage: " + program + " " + wrap(what.usage(), 9, 80) + "\n\n"
                    + wrap(what.summary, 0, 80) + "\n";
  if (!what.details.empty())
    out += "\n" + wrap(what.details, 0, 80) + "\n";
  if (!what.args.empty()) {
    out += "\n";
    size_t width = 0;
    for (const auto& x : what.args)
      width = std::max(width, x.name.size());
    for (const auto& x : what.args)
      if (!x.text.empty())
        out += "  " + paint(how, tone::strong, pad(x.name, width)) + "  "
               + wrap(x.text, width + 4, 80) + "\n";
  }
  if (!what.flags.empty())
    out += "\n" + flag_lines(what.flags, how);
  if (!what.examples.empty()) {
    out += "\nexamples\n";
    for (auto x : what.examples) {
      // A pipeline says itself where the program stands.
      constexpr std::string_view place = "PROGRAM";
      auto at = x.find(place);
      out +=
        "  " + (at == x.npos ? program + " " + x : x.replace(at, place.size(), program)) + "\n";
    }
  }
  if (!what.raw)
    out += "\n"
           + wrap("Every flag has an environment variable: --node is " + environment_name("--node")
                    + ". The flags of every verb: `" + program + " help`.",
                  0, 80)
           + "\n";
  return out;
}

} // namespace coppice::cli
