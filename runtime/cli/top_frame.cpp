#include "runtime/cli/top_frame.hpp"

#include "runtime/cli/fields.hpp"

#include <algorithm>
#include <cmath>

namespace coppice::cli {

namespace ui = ftxui;

namespace {

ui::Color colour_of(const std::string& state) {
  switch (tone_of_state(state)) {
    case tone::good:
      return ui::Color::Green;
    case tone::bad:
      return ui::Color::Red;
    case tone::dim:
      return ui::Color::GrayDark;
    default:
      return ui::Color::Yellow;
  }
}

ui::Element field(const std::string& text, size_t width, bool right = true) {
  return ui::text(pad(text, width, right) + "  ");
}

ui::Element line(const top_row& x, bool chosen, bool tree, const top_layout& widths,
                 const style& how) {
  auto name = tree ? std::string(2 * x.depth, ' ') + escape_text(x.name) : escape_text(x.address());
  ui::Elements out{ui::text(pad(cut_middle(name, widths.name, how.utf8), widths.name) + "  ")};
  if (widths.type > 0)
    out.push_back(
      ui::text(pad(cut_end(escape_text(x.type), widths.type, how.utf8), widths.type + 2))
      | ui::dim);
  out.push_back(ui::text(pad(escape_text(x.state), 12)) | ui::color(colour_of(x.state)));
  out.push_back(field(x.supervisor ? "" : std::to_string(x.mailbox), 6));
  out.push_back(field(x.supervisor ? "" : short_rate(x.rate), 6));
  out.push_back(
    field(x.supervisor || !x.busy ? "" : std::to_string(std::lround(*x.busy * 100)) + "%", 4));
  out.push_back(field(x.supervisor ? "" : short_time(x.latency_s), 7));
  auto restarts = field(std::to_string(x.restarts_window) + "/" + std::to_string(x.restarts), 8);
  out.push_back(x.restarts_window > 0 ? restarts | ui::color(ui::Color::Yellow) : restarts);
  if (widths.exit > 0)
    out.push_back(ui::text(cut_end(escape_text(x.last_exit), widths.exit, how.utf8)) | ui::dim);
  auto whole = ui::hbox(std::move(out));
  if (x.above) // Here only to say where the others are.
    whole = whole | ui::dim;
  return chosen ? whole | ui::inverted : whole;
}

ui::Element header(const top_view& x, const top_model& model) {
  auto nodes = model.nodes().size();
  auto out = " " + std::to_string(nodes) + (nodes == 1 ? " node  " : " nodes  ")
             + grouped(model.actors()) + (model.actors() == 1 ? " actor  " : " actors  ")
             + short_rate(model.rate_total()) + " msg/s  " + grouped(model.mailbox_total())
             + " waiting  sort " + std::string{name_of(x.sort)};
  if (!x.filter.empty() || x.filtering) {
    auto found = std::count_if(x.rows.begin(), x.rows.end(), [](auto& row) { return !row.above; });
    out += "  filter " + x.filter + (x.filtering ? "_" : "") + " (" + std::to_string(found) + ")";
  }
  if (x.follow)
    out += "  follow";
  return ui::text(out) | ui::bold;
}

ui::Element footer(const top_view& x) {
  if (!x.question.empty())
    return ui::text(" " + escape_text(x.question)) | ui::bold | ui::color(ui::Color::Red);
  if (!x.problem.empty())
    return ui::text(" " + escape_text(x.problem)) | ui::color(ui::Color::Red);
  if (!x.note.empty())
    return ui::text(" " + escape_text(x.note)) | ui::color(ui::Color::Yellow);
  ui::Elements keys{ui::text(" ")};
  for (auto [key, word] : {std::pair{"q", "quit"},
                           {"?", "help"},
                           {"/", "filter"},
                           {"s", "sort"},
                           {"f", "follow"},
                           {"enter", "inspect"},
                           {"r", "restart"},
                           {"k", "kill"},
                           {"t", "trace"}}) {
    keys.push_back(ui::text(key) | ui::bold);
    keys.push_back(ui::text(std::string{" "} + word + " ") | ui::dim);
  }
  return ui::hbox(std::move(keys));
}

ui::Element titles(const top_layout& widths) {
  ui::Elements out{ui::text(pad("ACTOR", widths.name) + "  ")};
  if (widths.type > 0)
    out.push_back(ui::text(pad("TYPE", widths.type + 2)));
  for (auto [title, w] : {std::pair{"STATE", size_t{10}},
                          {"MBOX", 6},
                          {"MSG/S", 6},
                          {"BUSY", 4},
                          {"LATENCY", 7},
                          {"RESTARTS", 8}})
    out.push_back(field(title, w, std::string_view{title} != "STATE"));
  if (widths.exit > 0)
    out.push_back(ui::text("LAST EXIT"));
  return ui::hbox(std::move(out)) | ui::dim;
}

/// Only the figures of a page that is longer than the screen.
std::string beyond(size_t above, size_t below, const style& how) {
  std::string out = how.utf8 ? "  … " : "  ... ";
  out += std::to_string(below) + " more below";
  if (above > 0)
    out += ", " + std::to_string(above) + " above";
  return out;
}

} // namespace

size_t top_page(size_t height) {
  return std::max<size_t>(height, 7) - 4;
}

size_t top_rows_shown(size_t rows, size_t height) {
  auto fit = std::max<size_t>(height, 7) - 3; // Header, titles, keys.
  return rows <= fit ? fit : fit - 1;
}

ui::Element draw_top(const top_view& x, const top_model& model, const style& how, size_t width,
                     size_t height) {
  auto tree = x.sort == top_sort::tree;
  size_t name = 0;
  size_t type = 0;
  for (const auto& row : x.rows) {
    name =
      std::max(name, tree ? 2 * row.depth + display_width(row.name) : display_width(row.address()));
    type = std::max(type, display_width(row.type));
  }
  auto widths = layout_of(std::max<size_t>(width, 60), name, type);
  ui::Elements out{header(x, model), titles(widths)};
  auto shown = top_rows_shown(x.rows.size(), height);
  auto end = std::min(x.rows.size(), x.from + shown);
  for (size_t i = x.from; i < end; ++i)
    out.push_back(line(x.rows[i], i == x.at, tree, widths, how));
  if (x.rows.empty())
    out.push_back(ui::text(x.filter.empty() ? "  no actors" : "  nothing matches the filter")
                  | ui::dim);
  out.push_back(ui::filler());
  if (x.rows.size() > shown)
    out.push_back(ui::text(beyond(x.from, x.rows.size() - end, how)) | ui::dim);
  out.push_back(footer(x));
  return ui::vbox(std::move(out));
}

ui::Element draw_page(const std::vector<std::string>& lines, size_t from, size_t height,
                      const std::string& title, const std::string& keys) {
  ui::Elements out{ui::text(" " + title) | ui::bold, ui::text("")};
  auto end = std::min(lines.size(), from + top_page(height));
  for (size_t i = from; i < end; ++i)
    out.push_back(ui::text(" " + lines[i]));
  out.push_back(ui::filler());
  auto more = lines.size() - end;
  out.push_back(
    ui::text(" " + keys + (more > 0 ? "  (" + std::to_string(more) + " more lines below)" : ""))
    | ui::dim);
  return ui::vbox(std::move(out));
}

const std::vector<std::string>& top_help() {
  static const std::vector<std::string> lines{
    "up down page-up page-down home end  choose      q  quit      esc  no filter",
    "/  filter by path, type or state    s  sort by the next figure",
    "l  list or tree                     f  stay on the actor, not on the line",
    "enter  inspect      t  trace      k  kill (asks)",
    "r  restart (of a supervisor: asks)",
    "",
    "MBOX      messages that wait now",
    "MSG/S     messages handled a second, since the last look",
    "BUSY      part of the time in handlers; 100% is one thread",
    "LATENCY   how long a message waited, on average",
    "RESTARTS  2/7: 2 in its supervisor's time window, 7 since the node started;",
    "          of a supervisor: 2 of its children in its window, 7 of itself.",
    "          Yellow: more of these and the supervisor gives up.",
    "LAST EXIT why it ended last; on a wide screen"};
  return lines;
}

} // namespace coppice::cli
