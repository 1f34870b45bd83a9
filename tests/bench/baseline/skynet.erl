#!/usr/bin/env escript
%%! +P 4000000
%% A tree of tens adds up its leaves: skynet.erl LEAVES (a power of ten)
-mode(compile).

main([Text]) ->
    Leaves = list_to_integer(Text),
    Me = self(),
    Begun = erlang:monotonic_time(),
    spawn(fun() -> node(Me, 0, Leaves) end),
    Sum = receive X -> X end,
    Took = erlang:convert_time_unit(erlang:monotonic_time() - Begun, native, microsecond),
    Sum = Leaves * (Leaves - 1) div 2,
    io:format("{\"value\":~.6f,\"n\":~b}~n", [Took / 1.0e6, Leaves]),
    halt(0).

node(Parent, Number, 1) ->
    Parent ! Number;
node(Parent, Number, Leaves) ->
    Me = self(),
    Part = Leaves div 10,
    [spawn(fun() -> node(Me, Number + I * Part, Part) end) || I <- lists:seq(0, 9)],
    Parent ! collect(10, 0).

collect(0, Sum) -> Sum;
collect(Missing, Sum) -> receive X -> collect(Missing - 1, Sum + X) end.
