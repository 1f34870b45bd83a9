#include "runtime/cli/top.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/cli/top_screen.hpp"

#include <cmath>

#include <iostream>

namespace coppice::cli {

namespace {

std::string percent(std::optional<double> x) {
  return x ? std::to_string(std::lround(*x * 100)) + "%" : "-";
}

json::value figure(std::optional<double> x) {
  return x ? json::value(*x) : json::value(nullptr);
}

json::value rows_json(const std::vector<top_row>& rows) {
  json::array out;
  for (const auto& x : rows)
    out.push_back(json::object{{"node", x.node},
                               {"path", x.path},
                               {"type", x.type},
                               {"state", x.state},
                               {"mailbox", x.mailbox},
                               {"messages_per_s", figure(x.rate)},
                               {"busy", figure(x.busy)},
                               {"latency_s", figure(x.latency_s)},
                               {"restarts_window", x.restarts_window},
                               {"restarts", x.restarts}});
  return json::value(std::move(out));
}

std::string frame(const top_model& model, const std::vector<top_row>& rows, bool tree,
                  const style& how) {
  auto nodes = model.nodes().size();
  auto out = std::to_string(nodes) + (nodes == 1 ? " node  " : " nodes  ") + grouped(model.actors())
             + (model.actors() == 1 ? " actor  " : " actors  ") + short_rate(model.rate_total())
             + " messages/s  " + grouped(model.mailbox_total()) + " waiting  "
             + grouped(model.restarts_window_total()) + " restarts in window\n\n";
  std::vector<row> lines;
  for (const auto& x : rows)
    lines.push_back(
      {{tree ? std::string(2 * x.depth, ' ') + escape_text(x.name) : escape_text(x.address())},
       {escape_text(x.type), tone::dim},
       {escape_text(x.state), tone_of_state(x.state)},
       {std::to_string(x.mailbox)},
       {short_rate(x.rate)},
       {percent(x.busy)},
       {short_time(x.latency_s)},
       {std::to_string(x.restarts_window) + "/" + std::to_string(x.restarts)}});
  return out
         + render_table({{"ACTOR", false, 16},
                         {"TYPE", false, 8},
                         {"STATE"},
                         {"MBOX", true},
                         {"MSG/S", true},
                         {"BUSY", true},
                         {"LATENCY", true},
                         {"RESTARTS", true}},
                        lines, how);
}

result<int> once(session& in, const top_options& options) {
  top_model model;
  for (int i = 0; i < 2; ++i) {
    auto actors = ask_figures(in, options);
    if (!actors)
      return actors.error();
    model.feed(*actors, system_clock().monotonic());
    if (i == 0 && !in.pause(std::chrono::milliseconds{500}))
      return 130;
  }
  auto rows = model.rows(options.sort, "");
  view how;
  how.name = [&](const json::value&) {
    std::string out;
    for (const auto& x : rows)
      out += escape_text(x.address()) + "\n";
    return out;
  };
  how.table = [&](const json::value&, const style& s) {
    return frame(model, rows, options.sort == top_sort::tree, s);
  };
  return in.print(rows_json(rows), how);
}

} // namespace

result<json::array> ask_figures(session& in, const top_options& options) {
  query values{{"figures", "true"}};
  if (!options.path.empty())
    values.emplace_back("glob", options.path + (options.path.back() == '/' ? "**" : "/**"));
  auto answer = in.get("/v1/actors", values);
  if (!answer)
    return answer.error();
  return json::array(items(*answer, ""));
}

result<int> top(session& in, const arguments& args) {
  top_options options;
  if (args.has("PATH") || in.folder != "/") {
    auto path = in.path(args.get("PATH"));
    if (!path)
      return path.error();
    options.path = *path;
  }
  options.sort = top_sort_from_string(args.get("sort"))
                   .value_or(args.has("list") ? top_sort::mailbox : top_sort::tree);
  if (args.has("once") || !in.where().out_is_terminal || !in.where().in_is_terminal
      || in.options().output == format::json)
    return once(in, options);
  return run_top_screen(in, options);
}

} // namespace coppice::cli
