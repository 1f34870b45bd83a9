#include "runtime/cli/top_screen.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/cli/actor_view.hpp"
#include "runtime/cli/top_frame.hpp"
#include "runtime/cli/watch_view.hpp"

#include <ftxui/component/component.hpp>
#include <ftxui/component/event.hpp>
#include <ftxui/component/screen_interactive.hpp>
#include <ftxui/dom/elements.hpp>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <sstream>
#include <thread>

namespace coppice::cli {

namespace {

namespace ui = ftxui;

enum class pane : uint8_t { rows, filter, text, help, confirm, trace };

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in{text};
  for (std::string line; std::getline(in, line);)
    out.push_back(line);
  return out;
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
    auto answer = in_.call("POST", "/v1/actors/" + action, {{"path", target_}});
    note_ =
      answer ? action + " " + target_ + ": " + show(*answer, "state") : to_string(answer.error());
    hurry_ = true;
    wake_.notify_all();
  }

  void open_inspect() {
    std::lock_guard busy{requests_};
    auto answer = in_.get("/v1/actors", {{"path", target_}});
    show_page(
      pane::text, target_,
      lines_of(answer ? render_actor(*answer, plain_, in_.now()) : to_string(answer.error())));
  }

  void show_page(pane as, std::string title, std::vector<std::string> lines) {
    title_ = std::move(title);
    text_ = std::move(lines);
    text_from_ = 0;
    pane_ = as;
  }

  /// Does something with the chosen actor, or asks first. The target stays what it was when the key came: rows may move
  /// while a question is open.
  bool on_actor(const std::string& action) {
    std::optional<top_row> chosen;
    {
      std::lock_guard lock{mutex_};
      // Keys may come faster than frames, so what was drawn last says nothing.
      auto rows = model_.rows(sort_, filter_);
      if (const auto* x = choice_.place(rows, follow_))
        chosen = *x;
    }
    if (!chosen) {
      note_ = "no actor is shown, so there is none to " + action + "; esc ends the filter";
      return true;
    }
    target_ = chosen->address();
    if (asks_first(action, *chosen))
      question_ = action, pane_ = pane::confirm;
    else if (action == "inspect")
      open_inspect();
    else if (action == "trace")
      open_trace();
    else
      act(action);
    return true;
  }

  void open_trace() {
    end_trace();
    trace_lines_.clear();
    pane_ = pane::trace;
    tracing_ = std::make_unique<session>(in_.env(), in_.where(), in_.options());
    tracer_ = std::thread{[this, path = target_, own = tracing_.get()] {
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

  static size_t height() { return static_cast<size_t>(std::max(1, ui::Terminal::Size().dimy)); }
  static size_t width() { return static_cast<size_t>(std::max(1, ui::Terminal::Size().dimx)); }

  /// Called with the lock. Keeps the selection on its actor (follow) or on its line.
  void place(const std::vector<top_row>& rows) {
    if (choice_.place(rows, follow_) == nullptr)
      return;
    auto shown = top_rows_shown(rows.size(), height());
    from_ = std::min(from_, choice_.at());
    if (choice_.at() >= from_ + shown)
      from_ = choice_.at() + 1 - shown;
    // No empty lines below while there are rows above.
    from_ = std::min(from_, rows.size() - std::min(rows.size(), shown));
  }

  ui::Element draw_rows() {
    top_view x;
    x.rows = model_.rows(sort_, filter_);
    place(x.rows);
    x.at = choice_.at();
    x.from = from_;
    x.sort = sort_;
    x.filter = filter_;
    x.filtering = pane_ == pane::filter;
    x.follow = follow_;
    if (pane_ == pane::confirm)
      x.question = question_ + " " + target_ + "? [y/N]";
    x.problem = message_;
    x.note = note_;
    return draw_top(x, model_, plain_, width(), height());
  }

  ui::Element draw() {
    std::lock_guard lock{mutex_};
    if (pane_ == pane::text || pane_ == pane::help)
      return draw_page(text_, text_from_, height(), title_,
                       pane_ == pane::help ? "up and down scroll  ? or esc back"
                                           : "up and down scroll  esc back");
    if (pane_ == pane::trace) {
      std::vector<std::string> lines;
      for (const auto& [at, line] : trace_lines_)
        lines.push_back(line);
      auto page = top_page(height());
      return draw_page(lines, lines.size() > page ? lines.size() - page : 0, height(),
                       "trace " + target_ + (lines.empty() ? "  (no messages yet)" : ""),
                       "esc back");
    }
    return draw_rows();
  }

  bool move(ptrdiff_t by) {
    std::lock_guard lock{mutex_};
    if (pane_ == pane::text || pane_ == pane::help) {
      auto most = static_cast<ptrdiff_t>(text_.size()) - static_cast<ptrdiff_t>(top_page(height()));
      text_from_ = static_cast<size_t>(std::clamp(static_cast<ptrdiff_t>(text_from_) + by,
                                                  ptrdiff_t{0}, std::max(most, ptrdiff_t{0})));
      return true;
    }
    choice_.move(by, model_.rows(sort_, filter_));
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
      return on_actor("restart");
    else if (key == "k")
      return on_actor("kill");
    else if (key == "t")
      return on_actor("trace");
    else if (key == "?" || key == "h")
      show_page(pane::help, "top: keys and columns", top_help());
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
      return move(static_cast<ptrdiff_t>(top_page(height())));
    if (e == ui::Event::PageUp)
      return move(-static_cast<ptrdiff_t>(top_page(height())));
    if (e == ui::Event::Home)
      return move(-1'000'000'000);
    if (e == ui::Event::End)
      return move(1'000'000'000);
    if (pane_ != pane::rows) {
      bool same_key = e == ui::Event::Character('?') || e == ui::Event::Character('h');
      if (e == ui::Event::Escape || e == ui::Event::Character('q')
          || (pane_ == pane::help && same_key)) {
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
    if (e == ui::Event::Return)
      return on_actor("inspect");
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
  top_choice choice_;
  size_t from_ = 0;
  std::string target_; ///< Whom the open pane or question is about.
  std::string message_;
  std::string note_;
  std::string question_;
  pane pane_ = pane::rows;
  std::vector<std::string> text_;
  std::string title_;
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
