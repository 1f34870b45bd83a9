#!/usr/bin/env bash
# The front door and the pinned dependencies, in a copy of both: what is fetched, refused, used as it stands and built
# anew. Nothing is downloaded and nothing compiled: apt-get, cmake, ninja and the compilers are stand-ins.
# Usage: dependencies.sh PROGRAM
. "$(dirname "$0")/lib.sh"
begin dependencies "$1"
unset COPPICE_PRESET COPPICE_NESTED XDG_CACHE_HOME COPPICE_DEPS_PREFIX

# ---- stand-ins: each call of one that fetches or builds is a line in $home/calls ----
mkdir "$home/bin"
cat >"$home/bin/stand-in" <<'STAND_IN'
#!/usr/bin/env bash
name=${0##*/}
case $name in
  dpkg) echo amd64; exit ;;
  dpkg-query) echo installed; exit ;;
  sed) cat "$HOME/mirror"; exit ;; # Where the sources of this machine's apt are looked through.
esac
echo "$name $*" >>"$HOME/calls"
case "$name $*" in
  "apt-get "*" update") ;;
  "apt-get "*) [ -e "$HOME/remote" ] || { echo "E: Unable to find it"; exit 100; }; cp "$HOME/remote"/* . ;;
  "dpkg-deb -x "*) mkdir -p "$3/usr/sbin"; echo '#!/bin/sh' >"$3/usr/sbin/nats-server"; chmod +x "$3/usr/sbin/nats-server" ;;
  "cmake --fresh "*) touch build/release/build.ninja ;;
  "ninja -C "*" coppice") printf '#!/bin/sh\necho "this is $*"\n' >"$2/coppice"; chmod +x "$2/coppice" ;;
  *) exit 1 ;;
esac
STAND_IN
chmod +x "$home/bin/stand-in"
for tool in dpkg dpkg-query dpkg-deb sed apt-get cmake ninja c++ g++ cc gcc; do ln -s stand-in "$home/bin/$tool"; done
echo http://mirror.invalid/debian >"$home/mirror"

checkout=$home/checkout
mkdir -p "$checkout/cmake" "$checkout"/{runtime,actors,schemas}
cp -r "$root/cmake/deps" "$checkout/cmake/"
cp "$root/coppice" "$root/CMakeLists.txt" "$root/CMakePresets.json" "$checkout/"
touch "$checkout/runtime/some.cpp"
find "$checkout" -exec touch -d '1 hour ago' {} +

called() { # STATUS PROGRAM ARGUMENT...: with the stand-ins in front
  local want=$1; shift
  said="$*" status=0
  : >"$home/calls"
  PATH=$home/bin:$PATH timeout 40 "$@" >"$out" 2>"$err" </dev/null || status=$?
  check "$*" "exit status $want" "exit status $status"
}
calls() { grep -cE "^($1) " "$home/calls" || true; }
nothing_called() { check "$1: what was called" "" "$(cat "$home/calls")"; }
deps=$checkout/cmake/deps/build
export COPPICE_DEPS_DIR=$home/cache
read -r package version file sum _ < <(grep -v '^#' "$checkout/cmake/deps/pins")
own=$(sha256sum </dev/null | cut -d' ' -f1)

# ---- a file that is not the pinned one: beside the script, and from the mirror ----
refused() { # WHERE_FROM
  check_in "$1: the hash that it has" "$file has SHA-256 $own" "$err"
  check_in "$1: the one that is pinned" "expected $sum; removed it" "$err"
  [ ! -e "$home/cache/files/$file" ] || fail "$1: the file" "removed" "still there"
  check "$1: what was built" 0 "$(calls 'cmake|ninja|c\+\+|g\+\+|cc|gcc')"
  check "$1: the prefix" "" "$(cat "$out")"
}
mkdir -p "$home/cache/files"
touch "$home/cache/files/$file"
called 1 "$deps"
refused "put there"
nothing_called "put there"
mkdir "$home/remote"
touch "$home/remote/$file"
called 1 "$deps"
refused "from the mirror"
check "from the mirror: lists and file" 2 "$(calls apt-get)"
rm -r "$home/remote"

# ---- one that cannot be had ----
called 1 "$deps"
check_in "not to be had: which, and what to do" "$package $version cannot be had from the mirror; put $file (SHA-256 $sum) into $home/cache/files and call again" "$err"
check_in "not to be had: apt's own words" "E: Unable to find it" "$err"
: >"$home/mirror"
called 1 "$deps"
check_in "no mirror: where the files belong" "put the files listed in cmake/deps/pins into $home/cache/files and call again" "$err"
nothing_called "no mirror"

# ---- the right one is taken as it lies there, once ----
cp "$checkout/cmake/deps/pins" "$home/pins"
echo "nats-server 1 nats.deb $own trixie binary" >"$checkout/cmake/deps/pins"
touch "$home/cache/files/nats.deb"
called 0 "$deps"
check "what was called" "dpkg-deb" "$(cut -d' ' -f1 "$home/calls")"
prefix=$(cat "$out")
[ -x "$prefix/bin/nats-server" ] || fail "the prefix" "$home/cache/.../bin/nats-server" "$prefix"
called 0 "$deps"
nothing_called "the second time"
check "the second time" "$prefix" "$(cat "$out")"
# Another pin is another prefix.
cp "$home/pins" "$checkout/cmake/deps/pins"
called 0 "$deps" --print-prefix
[ "$(cat "$out")" != "$prefix" ] || fail "the prefix of other pins" "another" "$prefix"
find "$checkout/cmake" -exec touch -d '1 hour ago' {} +

# ---- a folder of one's own is used as it stands ----
export COPPICE_DEPS_DIR=$home/own
mkdir -p "$home/own/lib/cmake/CAF"
called 0 "$deps"
check "one's own" "$home/own" "$(cat "$out")"
nothing_called "one's own"
check "one's own stays as it is" "lib" "$(ls -A "$home/own")"
unset COPPICE_DEPS_DIR
called 0 "$deps" --print-prefix
check "without one" "$home/.cache/coppice/deps" "$(dirname "$(cat "$out")")"

# ---- the front door builds what is missing or older than its sources, and nothing else ----
export COPPICE_DEPS_DIR=$home/own
called 0 "$checkout/coppice" version
check "the first call" "this is version" "$(cat "$out")"
check "the first call configures and builds" "cmake ninja" "$(cut -d' ' -f1 "$home/calls" | tr '\n' ' ' | xargs)"
check_in "with one's own dependencies" "-DCMAKE_PREFIX_PATH=$home/own" "$home/calls"
for verb in version up; do
  called 0 "$checkout/coppice" $verb
  nothing_called "a second call: $verb"
  check "a second call" "this is $verb" "$(cat "$out")"
  check "a second call has nothing to say" "" "$(cat "$err")"
done
touch -d '1 hour' "$checkout/runtime/some.cpp"
called 0 "$checkout/coppice" version
nothing_called "a look with newer sources"
check_in "a look with newer sources" "sources are newer than the binary" "$err"
called 0 "$checkout/coppice" up
check "what starts nodes builds" ninja "$(cut -d' ' -f1 "$home/calls")"
