"""The real programs of issue 2, each with work of a second or so (natively less)."""
import dataclasses
import os
import pathlib
import random
import re
import typing

APPS: dict[str, "App"] = {}


@dataclasses.dataclass
class App:
    """One program and its work. `status` is the exit status that the native run must have."""

    command: list[str]
    needs: list[str]
    prepare: typing.Callable[[pathlib.Path], None] = lambda folder: None
    stdin: bytes = b""
    status: int = 0
    seconds: float = 150
    options: tuple[str, ...] = ()
    bind: bool = False
    compare_errors: bool = True
    normalize: typing.Callable[[str], str] = lambda text: text


def words(folder, name="words.txt", count=40000, seed=1):
    """A text of `count` lines, the same for everybody."""
    source = random.Random(seed)
    syllables = ["ka", "lo", "mi", "ne", "ru", "ta", "vo", "shi", "pen", "dor", "zul", "ek"]
    with (folder / name).open("w", encoding="utf-8") as file:
        for _ in range(count):
            line = " ".join("".join(source.choices(syllables, k=source.randint(1, 4)))
                            for _ in range(source.randint(1, 8)))
            file.write(f"{source.randint(0, 99999)} {line}\n")


def tree(folder):
    """Folders with small files, a link, a file without permissions, one larger file."""
    source = random.Random(2)
    for number in range(60):
        path = folder / "tree" / f"d{number % 7}" / f"e{number % 3}"
        path.mkdir(parents=True, exist_ok=True)
        (path / f"file{number}.txt").write_bytes(source.randbytes(source.randint(0, 9000)))
    (folder / "tree" / "link").symlink_to("d1/e1")
    (folder / "tree" / "d1" / "script.sh").write_text("#!/bin/sh\necho script \"$@\"\n")
    (folder / "tree" / "d1" / "script.sh").chmod(0o755)
    (folder / "tree" / "large").write_bytes(source.randbytes(300000) + bytes(700000))


def files(texts):
    """Writes the given files."""
    def prepare(folder):
        for name, text in texts.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return prepare


def both(*steps):
    def prepare(folder):
        for step in steps:
            step(folder)
    return prepare


def app(name, command, needs, **more):
    APPS[name] = App(command, needs, **more)


def shell(name, script, needs=("sh",), interpreter="/bin/sh", **more):
    app(name, [interpreter, "-c", script], list(needs), **more)


def python(name, script, **more):
    app(f"python3_{name}", ["/usr/bin/python3", "-c", script], ["python3"], **more)


# ---- shells ----

shell("sh_pipelines", r"""
seq 1 2000 | while read n; do echo $((n * n % 977)); done | sort -n | uniq -c | sort -rn | head -5
(cd /usr && pwd; exit 3) || echo "subshell said $?"
x=$(echo a; echo b | tr b c); echo "[$x]"
false | true && echo "the last command decides"
for f in one two; do printf '%s-' "$f"; done | cat -A; echo
cat <<END
here $((6 * 7)) document
END
exec 3>out; echo hidden >&3; exec 3>&-; cat out
yes | head -1000 | wc -l
""")
shell("sh_traps_and_signals", r"""
trap 'echo "exit trap $?"' EXIT
trap 'echo usr1' USR1
kill -USR1 $$
(trap 'echo term; exit 9' TERM; kill -TERM $(sh -c 'echo $PPID'); sleep 5; echo never)
echo "status $?"
sleep 5 & kill -KILL $!; wait $!; echo "killed: $?"
sh -c 'kill -SEGV $$'; echo "segv: $?"
set -e; false; echo never
""", status=1, compare_errors=False)
shell("bash_job_control", r"""
set -m
sleep 0.2 & first=$!
jobs
fg %1 >/dev/null && echo "fg ended"
(sleep 0.1; exit 7) & wait $!; echo "status $?"
coproc cat; echo through >&${COPROC[1]}; read line <&${COPROC[0]}; echo "$line"
exec {COPROC[1]}>&-
diff <(seq 3) <(seq 4); echo "diff $?"
kill -STOP $BASHPID & sleep 0.1; jobs -s | sed 's/[0-9]\{3,\}//g'; kill -CONT %%; wait
declare -A a=([x]=1 [y]=2); echo "${!a[@]} ${a[@]}" | tr ' ' '\n' | sort | tr '\n' ' '; echo
for ((i = 0; i < 3000; ++i)); do ((sum += i * i % 7)); done; echo $sum
echo ${PIPESTATUS[@]}; mapfile -t lines < <(seq 500); echo ${#lines[@]} ${lines[499]}
ulimit -n 100; ulimit -n
""", needs=("bash",), interpreter="/bin/bash", compare_errors=False)
app("bash_reads_a_script", ["/bin/bash", "-s", "a", "b"], ["bash"],
    stdin=b'echo "$0 $1 $2 $#"\nf() { local x=$1; ((x > 0)) && echo -n "$x " && f $((x - 1)); }\nf 50\necho\n'
          b'read line\nthe next line\necho "read: $line"\nexit 5\n', status=5)

# ---- coreutils and other tools ----

shell("ls_long", "ls -la tree tree/d1 tree/d1/e1; ls -lR /usr/share/doc/bash /etc/apt; ls -ln --time-style=+%s /usr | head; stat -c '%n %s %a %F' tree/*",
      needs=("ls", "stat"), prepare=tree, normalize=lambda text: re.sub(r"^(\S+\s+\d+ \S+ \S+\s+\d+) .{12} ", r"\1 ", text, flags=re.M))
shell("sort_and_friends", "sort words.txt | sha256sum; sort -k2,2 -k1,1n -u words.txt | md5sum; cut -d' ' -f2 words.txt | sort | uniq -c | sort -rn | head -20; "
      "tac words.txt | nl | tail -3; tr a-z A-Z <words.txt | cksum; split -l 9000 words.txt part; wc part*; shuf --random-source=words.txt -n 5 words.txt; "
      "paste -sd+ <(cut -d' ' -f1 words.txt) | md5sum; comm -12 <(sort -u parta?) <(sort -u words.txt) | wc -l",
      needs=("sort", "uniq", "shuf"), interpreter="/bin/bash", prepare=words)
shell("checksums", "for sum in md5sum sha1sum sha256sum sha512sum b2sum cksum; do $sum words.txt tree/large; done; sha256sum words.txt >list; sha256sum -c list; "
      "base64 tree/large | md5sum; od -A x -t x1z tree/large | head -40 | tail -3", needs=("sha256sum", "b2sum"), prepare=both(words, tree))
shell("cp_mv_rm", "cp -r tree copy; diff -r tree copy && echo same; cp -a tree archive; ls -l archive/d1/script.sh | cut -c1-10; mv copy/d1 moved; rm -r copy; "
      "ls; mkdir -p a/b/c; rmdir -p a/b/c; ln words 2>/dev/null || echo 'no such file'; ln tree/large hard; stat -c %h hard; ln -s tree sym; readlink sym; "
      "touch -d @1000000000 old; stat -c %Y old; chmod 640 old; stat -c %a old; truncate -s 1M sparse; stat -c %s sparse; dd if=tree/large of=dd bs=4k count=50 2>/dev/null; cmp -n 204800 tree/large dd && echo cmp",
      needs=("cp", "diff", "dd"), prepare=tree, bind=False)
shell("find_xargs", "find tree -type f -size +4k | sort | head -20; find tree -name '*.txt' -print0 | xargs -0 -n 5 -P 2 cat | wc -c; "
      "find tree -type f | sort | xargs -n 7 sha256sum | sha256sum; find tree -perm /111 -type f; find tree -newer tree/large -o -type l | sort; find /usr/include -name 'std*.h' | sort | head -30",
      needs=("find", "xargs"), prepare=tree)
shell("tar", "tar cf a.tar tree; tar tf a.tar | sort | sha256sum; mkdir x; tar xf a.tar -C x; diff -r tree x/tree && echo same; tar czf a.tgz tree; tar xzOf a.tgz tree/large | md5sum; "
      "tar cJf a.txz tree/d1; tar tf a.txz | wc -l; tar --zstd -cf a.zst tree/d2; tar tf a.zst | wc -l", needs=("tar", "xz", "zstd"), prepare=tree)
shell("gzip", "gzip -9 -k -n words.txt; sha256sum words.txt.gz; gunzip -c words.txt.gz | cmp - words.txt && echo same; gzip -l words.txt.gz; zcat words.txt.gz | head -1; gzip -t words.txt", needs=("gzip",), prepare=words, status=1)
shell("xz", "xz -k -6 words.txt; sha256sum words.txt.xz; xz -dc words.txt.xz | cmp - words.txt && echo same; xz -T2 -c words.txt | xz -dc | sha256sum", needs=("xz",), prepare=lambda folder: words(folder, count=15000))
shell("zstd", "zstd -q -k -12 words.txt; zstd -dc words.txt.zst | cmp - words.txt && echo same; zstd -q -T2 -c words.txt | zstd -dc | sha256sum", needs=("zstd",), prepare=words)
shell("grep", r"grep -c 'shi.*pen' words.txt; grep -E '^[0-9]{3} (ka|lo)+' words.txt | tail -4; grep -P '(\w+) \1\b' words.txt | wc -l; grep -rl script tree; grep -vin zul words.txt | md5sum; grep -o 'dor[a-z]*' words.txt | sort | uniq -c | sort -rn | head -3; grep nothing words.txt",
      needs=("grep",), prepare=both(words, tree), status=1)
shell("sed", r"sed -n '100,105p;$p' words.txt; sed -E 's/([a-z]+) ([a-z]+)/\2 \1/g; /^1/d; y/aeiou/AEIOU/' words.txt | sha256sum; sed -i.bak '1!G;h;$!d' words.txt; head -2 words.txt; wc -l words.txt.bak; sed 'k' words.txt",
      needs=("sed",), prepare=lambda folder: words(folder, count=3000), status=1)
shell("awk", r"""awk '{ count[$2] += $1; for (i = 2; i <= NF; i++) length_of[length($i)]++ } END { for (w in count) if (count[w] > 400000) print w, count[w] | "sort"; close("sort"); for (l in length_of) print l, length_of[l] | "sort -n" }' words.txt; awk 'BEGIN { x = 1; while (i++ < 300000) x = (x * 69069 + 1) % 4294967296; print x; printf "%.6f %s\n", sin(1) * exp(2), substr("tine", 2, 2); exit 3 }'""",
      needs=("gawk",), prepare=words, status=3)
shell("diff_and_cmp", "sed 's/ka/KA/' words.txt >other; diff words.txt other | md5sum; diff -u words.txt other | head -12 | tail -10; cmp words.txt other; diff -q words.txt words.txt && echo equal", needs=("diff", "cmp"), prepare=words)
shell("bc", "echo 'scale=200; 4*a(1)' | bc -l; echo '2^2000 % 1000007; f=1; for (i=1;i<=300;i++) f*=i; f' | bc | md5sum", needs=("bc",))
shell("jq", r"""seq 3000 | jq -s 'map({id: ., square: (. * .), odd: (. % 2 == 1)}) | group_by(.odd) | map({odd: .[0].odd, sum: map(.square) | add, last: .[-1].id})'; printf '%s' '{"a":[1,{"b":"\u00e9\n"}],"c":null}' | jq -c '[paths], .a[1].b, (.c // "none")'; echo '{bad' | jq .""",
      needs=("jq",), status=4)
shell("openssl", "openssl dgst -sha256 -sha3-256 words.txt; openssl enc -aes-256-cbc -pbkdf2 -S 0011223344556677 -k secret -in words.txt | sha256sum; openssl enc -aes-128-gcm -k x 2>&1 | head -1; "
      "openssl genrsa -out key 1024 2>/dev/null; openssl rsa -in key -pubout -out public 2>/dev/null; openssl dgst -sha256 -sign key -out signature words.txt; openssl dgst -sha256 -verify public -signature signature words.txt; "
      "openssl prime 1000003; openssl speed -seconds 1 -bytes 1024 sha256 2>/dev/null | grep -c sha256; echo -n abc | openssl dgst -blake2b512", needs=("openssl",), prepare=words)
shell("ps_and_proc", "ps -o comm= -p $$; cat /proc/self/comm; tr '\\0' ' ' </proc/self/cmdline; echo; readlink /proc/self/exe; ls /proc/self/fd | wc -l; sleep 3 & for i in $(seq 500); do [ $(ps -o stat= -p $! | cut -c1) = S ] && echo asleep && break; done; kill $!; pgrep -c nothing-like-this", needs=("ps", "pgrep"), status=1)
app("busybox", ["/bin/busybox", "sh", "-c", "busybox seq 1 300 | busybox awk '{s+=$1} END {print s}'; busybox sha256sum words.txt; busybox gzip -c words.txt | busybox gunzip | busybox md5sum; busybox vi --help 2>&1 | busybox head -1; busybox sort -u words.txt | busybox wc"], ["busybox"], prepare=words)
shell("small_tools", "date -u -d @86400 +%F; env -i A=b env; expr 6 '*' 7; factor 1234567890123456789; numfmt --to=iec 123456789; seq -s, 10; printf '%08.3f|%q\\n' 3.14159 'a b'; timeout 0.2 sleep 5; echo $?; nice -n 5 nice; nproc >/dev/null && echo nproc; id -u; uname -s; test -r /etc/passwd && echo readable; mktemp -u XXXX | wc -c; tty; true", needs=("date", "factor"))
shell("fzf_in_go", "fzf --filter 'shipen zul' <words.txt | sort | sha256sum; fzf -e -f dorpen <words.txt | sort | head -3", needs=("fzf",), prepare=words)
shell("ripgrep_in_rust", r"rg -c 'shi.*pen' words.txt; rg -N '(ka){2,}' words.txt | md5sum; rg --files tree | sort | head -5; rg -j2 script tree | sort; rg nothing-like-this words.txt", needs=("rg",), prepare=both(words, tree), status=1)


def stress(name, *stressors):
    """Stressors of stress-ng, `name:operations`, each of which verifies its own results."""
    options = []
    for stressor in stressors:
        kind, operations = stressor.split(":")
        options += [f"--{kind}", "2", f"--{kind}-ops", operations]
    # Of this run alone: two at once on one host (two clones that are tested) must not bind the same port natively.
    port = str(20000 + os.getpid() * 4 % 10000)
    app(f"stress_{name}", ["/usr/bin/stress-ng", "--verify", "-t", "60", "--vm-bytes", "16M", "--mmap-bytes", "16M",
                           "--mremap-bytes", "4M", "--sock-port", port, "--stdout", *options], ["stress-ng"],
        normalize=lambda text: re.sub(r"\[\d+\] | in [\d.]+s.*|.*dentries allocated\n", "", text))


stress("processes", "fork:400", "vfork:300", "clone:100", "exec:60", "wait:200", "zombie:100")
stress("memory", "vm:20", "mmap:2", "mremap:20", "brk:1000", "madvise:4")
stress("waiting", "pipe:5000", "futex:1000", "eventfd:1000", "poll:200")
stress("signals", "sigfd:2000", "sigsuspend:1000", "sigq:1000", "sigsegv:500", "timer:500", "itimer:500")
stress("files", "dentry:100", "rename:500", "dup:500", "seek:500", "fcntl:500", "sock:20")

# ---- languages ----

app("perl", ["/usr/bin/perl", "-e", r"""
use strict; use POSIX ":sys_wait_h";
my %count; open my $f, "<", "words.txt" or die; while (<$f>) { $count{$_}++ for split } 
print join(",", map { "$_=$count{$_}" } (sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count)[0..9]), "\n";
my $pid = fork; if (!$pid) { exit 7 } waitpid $pid, 0; print "child ", $? >> 8, "\n";
local $SIG{ALRM} = sub { print "alarm\n" }; alarm 1; select undef, undef, undef, 3;
print `echo backquotes`; my $x = join "", map { chr(97 + $_ * 7 % 26) } 0..40; $x =~ s/(.)(.)/$2$1/g; print "$x\n";
eval { die "caught\n" }; print $@; printf "%.10f %s\n", atan2(1, 1) * 4, 2 ** 53; exit 4;
"""], ["perl"], prepare=words, status=4)
app("lua", ["/usr/bin/lua5.4", "-e", r"""
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
print(fib(27)); local t = {} for i = 1, 200000 do t[i] = (i * 7919) % 100003 end table.sort(t); print(t[1], t[100000], #t)
local co = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i * i) end end); print(co(), co(), co())
print(string.format("%5.2f|%-5s|%q", math.pi, "ab", "q\n"), ("hello world"):gsub("o", "0")); print(pcall(error, "oops"))
local s = {} for w in io.open("words.txt"):read("a"):gmatch("%a+") do s[w] = (s[w] or 0) + 1 end print(s.ka, s.lo)
print(1 / 0 == math.huge, pcall(function() return 1 // 0 end), 7 // 2, 7 % -3, 1 << 62, math.maxinteger + 1 == math.mininteger) os.exit(6)
"""], ["lua5.4"], prepare=words, status=6)
app("node", ["/usr/bin/node", "-e", r"""
const crypto = require('crypto'), { execFileSync } = require('child_process'), fs = require('fs');
let x = 1; for (let i = 0; i < 2e6; i++) x = (Math.imul(x, 69069) + 1) >>> 0; console.log(x);
console.log(crypto.createHash('sha256').update(fs.readFileSync('words.txt')).digest('hex'));
console.log(execFileSync('echo', ['child']).toString().trim());
class A { constructor(n) { this.n = n } get twice() { return this.n * 2 } } console.log([...Array(1000).keys()].map(n => new A(n).twice).reduce((a, b) => a + b));
const wait = ms => new Promise(done => setTimeout(done, ms)); (async () => { await wait(20); console.log('async', JSON.stringify({ a: [1, 2n.toString()] }));
await Promise.all([1, 2, 3].map(async n => { await wait(n * 5); console.log(n) })); console.log(/(\w+) \1/.exec('a bb bb')[1]); process.exit(3) })();
"""], ["node"], prepare=words, status=3)
shell("git", r"""
git init -q -b main repo && cd repo && git config user.email a@b.c && git config user.name tine
export GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z'
for i in 1 2 3 4 5; do seq $i 400 >file$i; git add .; git commit -qm "commit $i"; done
git log --oneline; git checkout -q -b side HEAD~2; echo side >side; git add .; git commit -qm side; git checkout -q main; git merge -q side -m merge; git log --graph --format='%h %s' | cat
git gc -q; git fsck 2>&1; git count-objects -v | grep -v size; git diff HEAD~3 --stat | cat; git status --short; git clone -q . ../clone && git -C ../clone rev-parse HEAD; git blame file3 | head -2; git show HEAD:side
""", needs=("git",))
HELLO = '#include <stdio.h>\nint main(int argc, char **argv) { printf("hello %s\\n", argc > 1 ? argv[1] : "world"); return 3; }\n'


def thousand_lines(folder):
    """A C program of more than 1,000 lines in three files, and its Makefile."""
    source = random.Random(3)
    lines = ["#include <stdint.h>"]
    for number in range(170):
        lines += [f"uint64_t f{number}(uint64_t x) {{", f"  x ^= x << {source.randint(1, 30)};",
                  f"  if (x % {source.randint(2, 9)} == 0)", f"    x += {source.randint(1, 10**9)}ULL;",
                  f"  return x * {source.randrange(1, 10**6, 2)}ULL;", "}"]
    (folder / "functions.c").write_text("\n".join(lines) + "\n")
    (folder / "functions.h").write_text("#include <stdint.h>\n" + "".join(f"uint64_t f{n}(uint64_t);\n" for n in range(170)))
    calls = "".join(f"  x = f{n}(x);\n" for n in range(170))
    (folder / "main.c").write_text('#include "functions.h"\n#include <stdio.h>\nint main(void) {\n  uint64_t x = 1;\n'
                                   f"  for (int i = 0; i < 2000; ++i) {{\n{calls}  }}\n"
                                   '  printf("%llu\\n", (unsigned long long)x);\n  return 0;\n}\n')
    (folder / "Makefile").write_text("CFLAGS = -O1 -Wall\nprogram: main.o functions.o\n\t$(CC) -o $@ $^\n"
                                     "main.o functions.o: functions.h\nclean:\n\trm -f *.o program\n.PHONY: clean\n")


shell("gcc_hello", "gcc -o hello hello.c && ./hello box; echo $?; gcc -O2 -static -o static hello.c && ./static; echo $?; gcc -c bad.c; echo $?",
      needs=("gcc",), prepare=files({"hello.c": HELLO, "bad.c": "int main(void) { return x; }\n"}))
shell("make_a_thousand_lines", "make -j2 2>&1 | sort; ./program; make; touch functions.h; make -n; make clean; ls", needs=("make", "gcc"), prepare=thousand_lines)
shell("cxx_with_exceptions", "g++ -O1 -o program a.cc && ./program", needs=("g++",), prepare=files({"a.cc": r"""
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>
int depth(int n) { if (n == 0) throw std::runtime_error("bottom"); return depth(n - 1) + 1; }
int main() {
  std::map<std::string, int> m; for (int i = 0; i < 5000; ++i) m["k" + std::to_string(i * 37 % 1000)] += i;
  int caught = 0; for (int i = 0; i < 300; ++i) try { depth(20); } catch (const std::exception &e) { ++caught; }
  std::vector<std::thread> t; int sums[4] = {}; for (int i = 0; i < 4; ++i) t.emplace_back([&, i] { for (int j = 0; j < 100000; ++j) sums[i] += j % (i + 2); });
  for (auto &x : t) x.join(); std::cout << m.size() << ' ' << m["k37"] << ' ' << caught; for (int s : sums) std::cout << ' ' << s; std::cout << std::endl;
}
"""}))
shell("sqlite3", r"""sqlite3 data.db "create table t(a integer primary key, b text, c real); with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000) insert into t select i, 'row' || (i * 7919 % 1009), i / 3.0 from n; create index i on t(b);"
sqlite3 data.db "select b, count(*), round(sum(c), 2) from t group by b order by 2 desc, 1 limit 5; pragma integrity_check; begin; delete from t where a % 2; rollback; select count(*) from t; update t set c = -c where a < 100; select total(c) from t where a < 100"
echo 'select upper(b) from t where a = 3; select * from missing;' | sqlite3 data.db; sqlite3 :memory: "select json_extract('{\"a\":[1,2]}', '$.a[1]'), printf('%.3f', 2.0 / 3)" """, needs=("sqlite3",))

# ---- python3 ----

python("kernels", r"""
import hashlib, json, re, zlib, random, collections, math
random.seed(5); data = [random.random() for _ in range(60000)]; print(sum(sorted(data)[:100]), math.fsum(data))
def primes(n):
    sieve = bytearray([1]) * (n + 1)
    for i in range(2, int(n ** .5) + 1):
        if sieve[i]: sieve[i*i::i] = bytes(len(sieve[i*i::i]))
    return sum(sieve) - 2
print(primes(200000)); text = open('words.txt').read()
print(collections.Counter(re.findall(r'[a-z]+', text)).most_common(5)); print(hashlib.sha256(text.encode()).hexdigest(), zlib.crc32(zlib.compress(text.encode(), 6)))
print(json.loads(json.dumps({'a': [1.5, None, True, 'é']})), 3 ** 2000 % 10 ** 20)
""", prepare=words)
python("subprocess", r"""
import subprocess, sys
print(subprocess.run(['sort', '-n'], input='3\n1\n2\n', text=True, capture_output=True).stdout.split())
print(subprocess.run('exit 9', shell=True).returncode, subprocess.run(['sh', '-c', 'kill -9 $$']).returncode)
try: subprocess.run(['no-such-program'])
except FileNotFoundError as e: print(e.errno)
try: subprocess.run(['sleep', '10'], timeout=.2)
except subprocess.TimeoutExpired as e: print('timeout')
a = subprocess.Popen(['seq', '1000'], stdout=subprocess.PIPE); b = subprocess.Popen(['wc', '-l'], stdin=a.stdout, stdout=subprocess.PIPE); a.stdout.close(); print(b.communicate()[0].strip(), a.wait())
print(subprocess.check_output(['pwd'], cwd='/usr', env={'A': 'b'}), subprocess.run([sys.executable, '-c', 'import sys; sys.exit(5)']).returncode)
""")
python("multiprocessing", r"""
import multiprocessing as mp
def square(x): return x * x
def worker(queue, lock, value):
    with lock: value.value += 1
    queue.put(sum(square(i) for i in range(2000)))
if __name__ == '__main__':
    mp.set_start_method('fork')
    with mp.Pool(3) as pool: print(pool.map(square, range(20)), pool.apply_async(square, (7,)).get(20))
    queue, lock, value = mp.Queue(), mp.Lock(), mp.Value('i', 0)
    processes = [mp.Process(target=worker, args=(queue, lock, value)) for _ in range(4)]
    for p in processes: p.start()
    print([queue.get(timeout=20) for _ in processes]); [p.join() for p in processes]; print(value.value, [p.exitcode for p in processes])
    a, b = mp.Pipe(); p = mp.Process(target=lambda c: c.send(c.recv()[::-1]), args=(b,)); p.start(); a.send('hello'); print(a.recv()); p.join()
    with mp.Manager() as manager: d = manager.dict(); p = mp.Process(target=lambda: d.update(x=1)); p.start(); p.join(); print(dict(d))
""")
python("threading", r"""
import threading, queue, time, concurrent.futures as cf
q, results, lock = queue.Queue(), [], threading.Lock()
def work():
    while (n := q.get()) is not None:
        with lock: results.append(sum(i * i for i in range(n)))
threads = [threading.Thread(target=work) for _ in range(4)]; [t.start() for t in threads]
for n in range(400): q.put(n)
for _ in threads: q.put(None)
[t.join() for t in threads]; print(sum(results), len(results))
e, b = threading.Event(), threading.Barrier(3); t = threading.Timer(.05, e.set); t.start(); print(e.wait(10)); ts = [threading.Thread(target=b.wait) for _ in range(2)]; [x.start() for x in ts]; b.wait(); [x.join() for x in ts]
with cf.ThreadPoolExecutor(3) as pool: print(list(pool.map(lambda x: x ** 2, range(10))))
c = threading.Condition(); box = []
def produce():
    for i in range(5):
        with c: box.append(i); c.notify()
        time.sleep(.001)
p = threading.Thread(target=produce); p.start(); seen = []
while len(seen) < 5:
    with c:
        while not box: c.wait(5)
        seen += box; box.clear()
p.join(); print(seen); print(threading.active_count())
""")
python("asyncio", r"""
import asyncio, sys
async def handle(reader, writer):
    while line := await reader.readline(): writer.write(line.upper()); await writer.drain()
    writer.close()
async def client(port, n):
    reader, writer = await asyncio.open_connection('127.0.0.1', port); out = []
    for i in range(5): writer.write(f'client {n} line {i}\n'.encode()); out.append((await reader.readline()).decode().strip())
    writer.close(); await writer.wait_closed(); return out
async def main():
    server = await asyncio.start_server(handle, '127.0.0.1', 0); port = server.sockets[0].getsockname()[1]
    print(await asyncio.gather(*(client(port, n) for n in range(4)))); server.close()
    p = await asyncio.create_subprocess_exec('tr', 'a', 'b', stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE); print((await p.communicate(b'banana'))[0], p.returncode)
    try: await asyncio.wait_for(asyncio.sleep(10), .05)
    except asyncio.TimeoutError: print('timeout')
    print(await asyncio.get_running_loop().run_in_executor(None, sum, range(1000))); q = asyncio.Queue(); asyncio.get_running_loop().call_later(.01, q.put_nowait, 'later'); print(await q.get())
asyncio.run(main())
""")
python("sqlite3", r"""
import sqlite3, os
db = sqlite3.connect('test.db'); db.execute('create table t(a, b)'); db.executemany('insert into t values(?, ?)', ((i, str(i % 97)) for i in range(20000))); db.commit()
print(db.execute('select b, count(*), sum(a) from t group by b order by 3 desc limit 3').fetchall()); print(os.path.getsize('test.db'))
db.execute('pragma journal_mode=wal'); db.execute("update t set b = 'x' where a < 10"); db.commit(); other = sqlite3.connect('test.db'); print(other.execute("select count(*) from t where b = 'x'").fetchone())
""")
python("fork", r"""
import os, signal, time, mmap
state = list(range(1000)); total = 0
for i in range(20):
    r, w = os.pipe(); pid = os.fork()
    if pid == 0:
        os.close(r); state[i] = -1; os.write(w, str(sum(state)).encode()); os._exit(i)
    os.close(w); total += int(os.read(r, 100)); os.close(r); print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), end=' ')
print(total, sum(state)); m = mmap.mmap(-1, 4096)
if os.fork() == 0: m[0:5] = b'child'; os._exit(0)
os.wait(); print(m[0:5]); pid = os.fork()
if pid == 0: time.sleep(30)
os.kill(pid, signal.SIGTERM); print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])); pid = os.posix_spawn('/bin/echo', ['echo', 'spawned'], os.environ); os.waitpid(pid, 0)
""")
python("ctypes_and_decimal", r"""
import ctypes, decimal, struct, fractions
libc = ctypes.CDLL(None); print(libc.strlen(b'hello'), libc.abs(-5)); CMP = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
a = (ctypes.c_int * 6)(5, 3, 1, 4, 6, 2); libc.qsort(a, 6, 4, CMP(lambda x, y: x[0] - y[0])); print(list(a))
libm = ctypes.CDLL('libm.so.6'); libm.pow.restype = ctypes.c_double; libm.pow.argtypes = [ctypes.c_double] * 2; print(libm.pow(2, .5)); decimal.getcontext().prec = 100
print(decimal.Decimal(2).sqrt(), decimal.Decimal(1) / 7); print(struct.pack('<dQ', 1.5, 7).hex(), fractions.Fraction(1, 3) + fractions.Fraction(1, 6))
class S(ctypes.Structure): _fields_ = [('a', ctypes.c_int), ('b', ctypes.c_double)]
print(ctypes.sizeof(S), bytes(S(1, 2.0)).hex())
""")
python("files_and_sockets", r"""
import os, socket, select, tempfile, shutil, pathlib, fcntl, resource, time, glob
d = pathlib.Path(tempfile.mkdtemp()); (d / 'a').write_text('x' * 10000); os.link(d / 'a', d / 'b'); os.rename(d / 'b', d / 'c'); print(sorted(os.listdir(d)), (d / 'c').stat().st_nlink, os.path.samefile(d / 'a', d / 'c'))
with open(d / 'a', 'r+b') as f: f.seek(5000); f.write(b'middle'); f.truncate(6000); os.fsync(f)
print((d / 'a').read_text()[4999:5008], (d / 'a').stat().st_size); shutil.copytree(d, str(d) + '2'); print(len(glob.glob(str(d) + '2/*'))); shutil.rmtree(d)
a, b = socket.socketpair(); a.send(b'hi'); print(b.recv(10)); s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); c = socket.create_connection(s.getsockname()); p, _ = s.accept(); p.sendall(b'z' * 100000); p.close()
n = 0
while chunk := c.recv(65536): n += len(chunk)
print(n); u = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]; u[0].bind(('127.0.0.1', 0)); u[1].sendto(b'udp', u[0].getsockname()); print(u[0].recvfrom(100)[0])
e = select.epoll(); r, w = os.pipe(); e.register(r, select.EPOLLIN); print(e.poll(0)); os.write(w, b'x'); print(e.poll(1) == [(r, select.EPOLLIN)]); socket.send_fds(a, [b'fd'], [r]); fds = socket.recv_fds(b, 10, 1)[1]; print(os.read(fds[0], 1))
print(resource.getrlimit(resource.RLIMIT_STACK)[0] > 0, time.clock_gettime(time.CLOCK_MONOTONIC) > 0); os.mkfifo('fifo')
if os.fork() == 0: open('fifo', 'w').write('through'); os._exit(0)
print(open('fifo').read()); os.wait()
""")
