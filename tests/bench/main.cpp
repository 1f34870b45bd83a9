#include "runtime/base/address.hpp"
#include "runtime/cli/yaml.hpp"
#include "tests/bench/frame/child.hpp"
#include "tests/bench/frame/report.hpp"
#include "tests/bench/suites.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string_view>
#include <unistd.h>

// coppice_bench [SUITE...] [--rows R,...] [--long] [-o table|wide|json|yaml|name]

namespace {

using namespace coppice;
using namespace coppice::bench;

constexpr auto usage =
  "usage: coppice bench [actors] [net] [events] [--rows R,...] [--long] [-o "
  "table|wide|json|yaml|name]\n"
  "Measures each row and its baseline in turns, five rounds, and prints medians.\n"
  "  --rows R,...  only these rows\n"
  "  --long        larger sizes; without it a suite takes at most 45 s\n"
  "  -o            table (default; wide is the same), json, yaml or name: the rows' names\n";

struct options {
  std::vector<std::string> suites;
  std::vector<std::string> rows;
  bool long_run = false;
  std::string output = "table";
  bool help = false;
};

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    auto end = text.find(',');
    if (end != 0)
      out.emplace_back(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  }
  return out;
}

result<void> set_output(std::string_view text, options& out) {
  const std::vector<std::string> known{"table", "wide", "json", "yaml", "name"};
  out.output = text;
  if (std::find(known.begin(), known.end(), out.output) == known.end())
    return error{errc::usage,
                 "no output '" + out.output + "'; known: table, wide, json, yaml, name", "-o",
                 nearest_name(text, known)};
  return {};
}

result<void> check_suite(const std::string& name) {
  std::vector<std::string> known;
  for (auto& x : suites())
    known.emplace_back(x.name);
  if (std::find(known.begin(), known.end(), name) != known.end())
    return {};
  if (name == "store" || name == "raft" || name == "cluster")
    return error{errc::refused,
                 "there are no '" + name
                   + "' benchmarks yet: they come with that part of the runtime",
                 {},
                 {}};
  return error{errc::usage,
               "no suite '" + name + "'; known: actors, net, events",
               {},
               nearest_name(name, known)};
}

result<options> parse(int argc, char** argv) {
  options out;
  std::vector<std::string_view> words(argv + 1, argv + argc);
  for (size_t i = 0; i < words.size(); ++i) {
    auto word = words[i];
    auto takes = [&](std::string_view flag) { return word == flag && i + 1 < words.size(); };
    if (word == "-h" || word == "--help") {
      out.help = true;
    } else if (word == "--long") {
      out.long_run = true;
    } else if (takes("--rows")) {
      out.rows = split(words[++i]);
    } else if (word.starts_with("--rows=")) {
      out.rows = split(word.substr(7));
    } else if (takes("-o") || takes("--output")) {
      if (auto done = set_output(words[++i], out); !done)
        return done.error();
    } else if (word.starts_with("--output=") || word.starts_with("-o")) {
      if (auto done = set_output(word.substr(word.starts_with("-o") ? 2 : 9), out); !done)
        return done.error();
    } else if (word.starts_with("-")) {
      return error{
        errc::usage, "unknown flag, or its value is missing: " + std::string{word}, {}, {}};
    } else {
      if (auto known = check_suite(std::string{word}); !known)
        return known.error();
      out.suites.emplace_back(word);
    }
  }
  return out;
}

/// The rows asked for, by suite. Errors: errc::usage for a row that is nowhere.
result<std::vector<std::vector<row>>> choose(const options& wanted) {
  std::vector<std::vector<row>> out;
  std::vector<std::string> known;
  auto asked = [](const auto& list, std::string_view name) {
    return list.empty() || std::find(list.begin(), list.end(), name) != list.end();
  };
  for (auto& suite : suites()) {
    if (!asked(wanted.suites, suite.name))
      continue;
    auto rows = suite.rows(wanted.long_run);
    for (auto& x : rows)
      known.push_back(x.name);
    std::erase_if(rows, [&](auto& x) { return !asked(wanted.rows, x.name); });
    out.push_back(std::move(rows));
  }
  for (auto& name : wanted.rows)
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      std::string all;
      for (auto& x : known)
        all += (all.empty() ? "" : ", ") + x;
      return error{errc::usage, "no row '" + name + "'; known: " + all, "--rows",
                   nearest_name(name, known)};
    }
  return out;
}

run_settings settings_of(const options& wanted) {
  run_settings out;
  if (wanted.long_run)
    out.budget = std::chrono::minutes{10};
  out.measure = measure;
  out.now = [] { return duration{std::chrono::steady_clock::now().time_since_epoch()}; };
  if (isatty(STDERR_FILENO) != 0)
    out.progress = [](const std::string& row, int step, int steps) {
      std::fprintf(stderr, "\r\033[K%s %d/%d", row.c_str(), step + 1, steps);
      std::fflush(stderr);
    };
  return out;
}

int fail(const error& why, bool json) {
  std::fprintf(stderr, "coppice bench: %s\n", to_string(why).c_str());
  if (json) {
    json::object inner{
      {"code", to_string(why.code)}, {"message", why.message}, {"at", why.at}, {"hint", why.hint}};
    std::puts(json::serialize(json::value(json::object{{"error", std::move(inner)}})).c_str());
  }
  return why.code == errc::usage ? 2 : 1;
}

void print(const std::vector<outcome>& results, std::string_view output) {
  json::value all{to_json(results)};
  if (output == "json")
    std::puts(json::serialize_pretty(all).c_str());
  else if (output == "yaml")
    std::fputs(cli::to_yaml(all).c_str(), stdout);
  else if (output == "name")
    for (auto& x : results)
      std::puts(x.name.c_str());
  else
    std::fputs(to_table(results).c_str(), stdout);
}

} // namespace

int main(int argc, char** argv) {
  auto wanted = parse(argc, argv);
  if (!wanted) {
    std::vector<std::string_view> words(argv, argv + argc);
    auto json = std::find(words.begin(), words.end(), "json") != words.end();
    return fail(wanted.error(), json);
  }
  if (wanted->help) {
    std::fputs(usage, stdout);
    return 0;
  }
  auto chosen = choose(*wanted);
  if (!chosen)
    return fail(chosen.error(), wanted->output == "json");
  auto settings = settings_of(*wanted);
  std::vector<outcome> results;
  for (auto& rows : *chosen)
    for (auto& x : run(rows, settings))
      results.push_back(std::move(x));
  if (settings.progress)
    std::fputs("\r\033[K", stderr);
  print(results, wanted->output);
  auto failed = [](const outcome& x) { return x.failure.code != errc::none; };
  return std::any_of(results.begin(), results.end(), failed) ? 1 : 0;
}
