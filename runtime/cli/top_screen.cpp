#include "runtime/cli/top_screen.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/cli/actor_view.hpp"
#include "runtime/cli/watch_view.hpp"

#include <ftxui/component/component.hpp>
#include <ftxui/component/event.hpp>
#include <ftxui/component/screen_interactive.hpp>
#include <ftxui/dom/elements.hpp>

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <iostream>
#include <mutex>
#include <sstream>
#include <thread>

namespace coppice::cli {

namespace {

namespace ui = ftxui;

enum class pane : uint8_t { rows, filter, text, confirm, trace };

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in{text};
  for (std::string line; std::getline(in, line);)
    out.push_back(line);
  return out;
}

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

class top_screen {
public:
  top_screen(session& in, const top_options& options)
    : in_(in),
      options_(options),
      sort_(options.sort),
      screen_(ui::ScreenInteractive::Fullscreen()) {
    plain_.utf8 = in.how().utf8;
  }

  result<int> run() {
    auto first = ask_figures(in_, options_);
    if (!first)
      return first.error();
    model_.feed(*first, system_clock().monotonic());
    std::thread asking{[this] { ask(); }};
    auto component = ui::CatchEvent(ui::Renderer([this] { return draw(); }),
                                    [this](ui::Event e) { return on(e); });
    screen_.Loop(component);
    {
      std::lock_guard lock{mutex_};
      over_ = true;
    }
    wake_.notify_all();
    end_trace();
    asking.join();
    return 0;
  }

private:
  /// Once a second; soon after something was done by hand.
  void ask() {
    std::unique_lock lock{mutex_};
    while (!wake_.wait_for(lock, std::chrono::seconds{1}, [this] { return over_ || hurry_; })
           || !over_) {
      hurry_ = false;
      lock.unlock();
      auto actors = [&] {
        std::lock_guard busy{requests_};
        return ask_figures(in_, options_);
      }();
      lock.lock();
      if (over_)
        return;
      if (actors) {
        model_.feed(*actors, system_clock().monotonic());
        message_.clear();
      } else {
        message_ = to_string(actors.error());
      }
      screen_.PostEvent(ui::Event::Custom);
    }
  }

  void act(const std::string& action) {
    std::lock_guard busy{requests_};
    auto answer = in_.call("POST", "/v1/actors/" + action, {{"path", selected_}});
    note_ =
      answer ? action + " " + selected_ + ": " + show(*answer, "state") : to_string(answer.error());
    hurry_ = true;
    wake_.notify_all();
  }

  void open_inspect() {
    std::lock_guard busy{requests_};
    auto answer = in_.get("/v1/actors", {{"path", selected_}});
    text_ = lines_of(answer ? render_actor(*answer, plain_, in_.now()) : to_string(answer.error()));
    text_from_ = 0;
    pane_ = pane::text;
  }

  void open_trace() {
    end_trace();
    trace_lines_.clear();
    pane_ = pane::trace;
    tracing_ = std::make_unique<session>(in_.env(), in_.where(), in_.options());
    tracer_ = std::thread{[this, path = selected_, own = tracing_.get()] {
      span_printer printer{plain_};
      auto done =
        own->follow("/v1/trace", {{"path", path}, {"limit", "50"}}, [&](const json::value& x) {
          auto line = printer.line(x, own->now());
          line.pop_back();
          auto at = parse_instant(text(x, "at"));
          add_trace(at ? *at : own->now(), std::move(line));
          return true;
        });
      if (!done && !own->cancelled())
        add_trace(own->now(), to_string(done.error()));
    }};
  }

  /// By time: a span is told when it ends, so one that began earlier may come later.
  void add_trace(instant at, std::string line) {
    std::lock_guard lock{mutex_};
    auto place = trace_lines_.end();
    while (place != trace_lines_.begin() && at < std::prev(place)->first)
      --place;
    trace_lines_.emplace(place, at, std::move(line));
    if (trace_lines_.size() > 500)
      trace_lines_.pop_front();
    screen_.PostEvent(ui::Event::Custom);
  }

  void end_trace() {
    if (!tracing_)
      return;
    tracing_->cancel();
    if (tracer_.joinable())
      tracer_.join();
    tracing_.reset();
  }

  size_t height() const { return static_cast<size_t>(std::max(3, ui::Terminal::Size().dimy - 4)); }

  /// Called with the lock. Keeps the selection on its actor (follow) or on its line.
  void place(const std::vector<top_row>& rows) {
    if (rows.empty()) {
      at_ = 0;
      return;
    }
    if (follow_ && !selected_.empty())
      for (size_t i = 0; i < rows.size(); ++i)
        if (rows[i].address() == selected_)
          at_ = i;
    at_ = std::min(at_, rows.size() - 1);
    selected_ = rows[at_].address();
    from_ = std::min(from_, at_);
    if (at_ >= from_ + height())
      from_ = at_ + 1 - height();
    if (rows.size() <= height())
      from_ = 0;
  }

  static ui::Element field(const std::string& text, size_t width, bool right = true) {
    return ui::text(pad(text, width, right) + "  ");
  }

  ui::Element line(const top_row& x, bool chosen, const top_layout& widths) {
    auto name = sort_ == top_sort::tree ? std::string(2 * x.depth, ' ') + escape_text(x.name)
                                        : escape_text(x.address());
    ui::Elements out{ui::text(pad(cut_middle(name, widths.name, plain_.utf8), widths.name) + "  ")};
    if (widths.type > 0)
      out.push_back(
        ui::text(pad(cut_end(escape_text(x.type), widths.type, plain_.utf8), widths.type + 2))
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
      out.push_back(ui::text(cut_end(escape_text(x.last_exit), widths.exit, plain_.utf8))
                    | ui::dim);
    auto whole = ui::hbox(std::move(out));
    return chosen ? whole | ui::inverted : whole;
  }

  ui::Element header(size_t count) {
    auto out = " " + std::to_string(model_.nodes().size()) + " nodes  " + grouped(model_.actors())
               + " actors  " + short_rate(model_.rate_total()) + " msg/s  "
               + grouped(model_.mailbox_total()) + " waiting  sort "
               + std::string{to_string(sort_)};
    if (!filter_.empty() || pane_ == pane::filter)
      out += "  filter " + filter_ + (pane_ == pane::filter ? "_" : "") + " ("
             + std::to_string(count) + ")";
    if (follow_)
      out += "  follow";
    return ui::text(out) | ui::bold;
  }

  ui::Element footer() {
    if (pane_ == pane::confirm)
      return ui::text(" " + question_ + " " + selected_ + "? [y/N]") | ui::bold
             | ui::color(ui::Color::Red);
    if (!message_.empty())
      return ui::text(" " + escape_text(message_)) | ui::color(ui::Color::Red);
    if (!note_.empty())
      return ui::text(" " + escape_text(note_)) | ui::color(ui::Color::Yellow);
    ui::Elements keys{ui::text(" ")};
    for (auto [key, word] : {std::pair{"q", "quit"},
                             {"/", "filter"},
                             {"s", "sort"},
                             {"l", "list"},
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

  ui::Element draw_rows() {
    auto rows = model_.rows(sort_, filter_);
    place(rows);
    auto width = static_cast<size_t>(std::max(60, ui::Terminal::Size().dimx));
    size_t name = 0;
    size_t type = 0;
    for (const auto& x : rows) {
      name = std::max(name, sort_ == top_sort::tree ? 2 * x.depth + display_width(x.name)
                                                    : display_width(x.address()));
      type = std::max(type, display_width(x.type));
    }
    auto widths = layout_of(width, name, type);
    ui::Elements titles{ui::text(pad("ACTOR", widths.name) + "  ")};
    if (widths.type > 0)
      titles.push_back(ui::text(pad("TYPE", widths.type + 2)));
    for (auto [title, w] : {std::pair{"STATE", size_t{10}},
                            {"MBOX", 6},
                            {"MSG/S", 6},
                            {"BUSY", 4},
                            {"LATENCY", 7},
                            {"RESTARTS", 8}})
      titles.push_back(field(title, w, std::string_view{title} != "STATE"));
    if (widths.exit > 0)
      titles.push_back(ui::text("LAST EXIT"));
    ui::Elements out{header(rows.size()), ui::hbox(std::move(titles)) | ui::dim};
    for (size_t i = from_; i < rows.size() && i < from_ + height(); ++i)
      out.push_back(line(rows[i], i == at_, widths));
    if (rows.empty())
      out.push_back(ui::text(filter_.empty() ? "  no actors" : "  nothing matches the filter")
                    | ui::dim);
    out.push_back(ui::filler());
    out.push_back(footer());
    return ui::vbox(std::move(out));
  }

  ui::Element draw_text(const std::vector<std::string>& lines, const std::string& title,
                        const std::string& keys) {
    ui::Elements out{ui::text(" " + title) | ui::bold, ui::text("")};
    for (size_t i = text_from_; i < lines.size() && i < text_from_ + height(); ++i)
      out.push_back(ui::text(" " + lines[i]));
    out.push_back(ui::filler());
    out.push_back(ui::text(" " + keys) | ui::dim);
    return ui::vbox(std::move(out));
  }

  ui::Element draw() {
    std::lock_guard lock{mutex_};
    if (pane_ == pane::text)
      return draw_text(text_, selected_, "up and down scroll  esc back");
    if (pane_ == pane::trace) {
      std::vector<std::string> lines;
      for (const auto& [at, line] : trace_lines_)
        lines.push_back(line);
      text_from_ = lines.size() > height() ? lines.size() - height() : 0;
      return draw_text(lines, "trace " + selected_ + (lines.empty() ? "  (no messages yet)" : ""),
                       "esc back");
    }
    return draw_rows();
  }

  bool move(ptrdiff_t by) {
    std::lock_guard lock{mutex_};
    if (pane_ == pane::text) {
      auto most = static_cast<ptrdiff_t>(text_.size()) - 1;
      text_from_ = static_cast<size_t>(std::clamp(static_cast<ptrdiff_t>(text_from_) + by,
                                                  ptrdiff_t{0}, std::max(most, ptrdiff_t{0})));
      return true;
    }
    at_ = static_cast<size_t>(std::max(static_cast<ptrdiff_t>(at_) + by, ptrdiff_t{0}));
    auto rows = model_.rows(sort_, filter_);
    if (!rows.empty()) {
      at_ = std::min(at_, rows.size() - 1);
      selected_ = rows[at_].address();
    }
    return true;
  }

  bool on_filter(const ui::Event& e) {
    std::lock_guard lock{mutex_};
    if (e == ui::Event::Escape)
      filter_.clear(), pane_ = pane::rows;
    else if (e == ui::Event::Return)
      pane_ = pane::rows;
    else if (e == ui::Event::Backspace && !filter_.empty())
      filter_.pop_back();
    else if (e.is_character())
      filter_ += e.character();
    else
      return false;
    return true;
  }

  bool on_confirm(const ui::Event& e) {
    bool yes = e == ui::Event::Character('y') || e == ui::Event::Character('Y');
    if (!yes && !e.is_character() && e != ui::Event::Escape && e != ui::Event::Return)
      return false;
    pane_ = pane::rows;
    if (yes)
      act(question_);
    return true;
  }

  bool on_key(const std::string& key) {
    if (key == "q")
      screen_.ExitLoopClosure()();
    else if (key == "/")
      pane_ = pane::filter;
    else if (key == "s")
      sort_ = next(sort_);
    else if (key == "l")
      sort_ = sort_ == top_sort::tree ? top_sort::mailbox : top_sort::tree;
    else if (key == "f")
      follow_ = !follow_;
    else if (key == "r")
      act("restart");
    else if (key == "k")
      question_ = "kill", pane_ = pane::confirm;
    else if (key == "t")
      open_trace();
    else
      return false;
    return true;
  }

  bool on(const ui::Event& e) {
    if (e == ui::Event::Custom)
      return true;
    note_.clear();
    if (pane_ == pane::filter)
      return on_filter(e);
    if (pane_ == pane::confirm)
      return on_confirm(e);
    if (e == ui::Event::ArrowDown || e == ui::Event::Character('j'))
      return move(1);
    if (e == ui::Event::ArrowUp)
      return move(-1);
    if (e == ui::Event::PageDown)
      return move(static_cast<ptrdiff_t>(height()));
    if (e == ui::Event::PageUp)
      return move(-static_cast<ptrdiff_t>(height()));
    if (e == ui::Event::Home)
      return move(-1'000'000'000);
    if (e == ui::Event::End)
      return move(1'000'000'000);
    if (pane_ != pane::rows) {
      if (e == ui::Event::Escape || e == ui::Event::Character('q')) {
        end_trace();
        pane_ = pane::rows;
        return true;
      }
      return false;
    }
    if (e == ui::Event::Escape) {
      filter_.clear();
      return true;
    }
    if (e == ui::Event::Return && !selected_.empty()) {
      open_inspect();
      return true;
    }
    return e.is_character() && on_key(e.character());
  }

  session& in_;
  top_options options_;
  style plain_;
  std::mutex mutex_;    ///< Of what is drawn.
  std::mutex requests_; ///< Of the session: one request at a time.
  std::condition_variable wake_;
  bool over_ = false;
  std::atomic<bool> hurry_{false};
  top_model model_;
  top_sort sort_;
  std::string filter_;
  bool follow_ = true;
  size_t at_ = 0;
  size_t from_ = 0;
  std::string selected_;
  std::string message_;
  std::string note_;
  std::string question_;
  pane pane_ = pane::rows;
  std::vector<std::string> text_;
  size_t text_from_ = 0;
  std::deque<std::pair<instant, std::string>> trace_lines_;
  std::unique_ptr<session> tracing_;
  std::thread tracer_;
  ui::ScreenInteractive screen_;
};

} // namespace

result<int> run_top_screen(session& in, const top_options& options) {
  top_screen x{in, options};
  return x.run();
}

} // namespace coppice::cli
