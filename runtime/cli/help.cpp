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

/// The title that stands above a verb; empty: it belongs to those before it.
std::string_view heading_of(const verb& x) {
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
  for (const auto& h : headings)
    if (h.first == x.name)
      return h.title;
  return {};
}

/// Stands for a blank at which a line is not broken.
constexpr char joint = '\x01';

/// `dlq ls`, `dlq show` as `dlq ls|show`, with a joint inside.
std::string short_names(const std::vector<std::string>& names) {
  std::string out;
  std::string group;
  for (const auto& x : names) {
    auto blank = x.find(' ');
    auto first = x.substr(0, blank);
    if (blank != x.npos && first == group) {
      out += "|" + x.substr(blank + 1);
      continue;
    }
    group = blank == x.npos ? std::string{} : first;
    out += (out.empty() ? "" : ", ") + (blank == x.npos ? x : first + joint + x.substr(blank + 1));
  }
  return out;
}

} // namespace

std::string help_overview(const cli_environment& env, const style& how) {
  std::vector<std::pair<std::string, std::vector<std::string>>> groups;
  for (const auto& x : all_verbs()) {
    if (x.hidden)
      continue;
    if (auto title = heading_of(x); !title.empty())
      groups.push_back({std::string{title}, {}});
    groups.back().second.push_back(x.name);
  }
  for (const auto& x : env.verbs)
    groups.back().second.push_back(x.name);
  size_t width = 0;
  for (const auto& [title, names] : groups)
    width = std::max(width, title.size());
  auto out = "usage: " + command_of(env) + " VERB ...\n\n";
  for (const auto& [title, names] : groups)
    out += "  " + paint(how, tone::dim, pad(title, width)) + "  "
           + wrap(short_names(names), width + 4, 80) + "\n";
  std::replace(out.begin(), out.end(), joint, ' ');
  std::string flags;
  for (const auto& x : global_flags())
    flags += (flags.empty() ? "" : ", ") + (x.short_name().empty() ? x.long_name() : x.short_name())
             + (x.value.empty() ? "" : " " + x.value);
  out += "\n" + wrap("Every verb takes " + flags + ".", 0, 80) + "\n\n";
  for (auto [line, about] : {std::pair{"help VERB", "one verb with examples"},
                             {"help --all", "a line about each verb and flag"},
                             {"explain CODE", "the code behind an error message"}})
    out +=
      "  " + command_of(env) + " " + paint(how, tone::strong, pad(line, 12)) + "  " + about + "\n";
  return out;
}

std::string help_page(const cli_environment& env, const style& how) {
  std::string out = "usage: " + command_of(env) + " VERB ...\n";
  size_t width = 0;
  for (const auto& x : all_verbs())
    if (!x.hidden)
      width = std::max(width, x.name.size());
  for (const auto& x : env.verbs)
    width = std::max(width, x.name.size());
  for (const auto& x : all_verbs()) {
    if (x.hidden)
      continue;
    if (auto title = heading_of(x); !title.empty())
      out += "\n" + paint(how, tone::dim, title) + "\n";
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
                    + ". The flags of every verb: `" + program + " help --all`.",
                  0, 80)
           + "\n";
  return out;
}

} // namespace coppice::cli
