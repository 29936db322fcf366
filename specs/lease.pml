/* The protocol as processes: one per candidate, every message and every clock on its own.
 *
 * Checked by specs/check.py, which sets N (candidates), LD (lease duration), RD (renew deadline), SKEW (how far
 * two clocks may be apart) and the flags. There is no bound on time, terms or messages: ages are counted up to
 * the length that matters, and versions are renumbered after each step, so that the state space is finite.
 *
 * Delay, pause and loss are all "the step is not taken yet". Flags: STALE (a write that was given up may land
 * later), RELEASE, CRASH (and restart as somebody new), TOUCH (somebody changes the record and writes no lease),
 * LIVE (from some moment on nothing fails any more, and touches come two ticks apart at the soonest).
 * BROKEN_... break one rule each. Rules P1, P2, ... are those of protocol.md.
 *
 * A version is a write, and whether the record was touched since: what names it then is refused. Not in here, and
 * proved by specs/proof: requests to resign (P14), holds (P16) and successors (P17), all of which are touches here or
 * only delay a claim; and lost records (P5).
 */
#define NONE 0
#define READ 1
#define WRITE 2          /* the request in flight (P10) */
#define CLAIM 0
#define RENEW 1
#define RELEASES 2       /* what a write is */
#define SENT 0
#define DONE 1
#define REFUSED 2        /* how far a request is: under way, or its answer is */
#define FLYING 1
#define LANDED 2         /* a write that was given up: may land, or has */
#define LABELS 16
#define FRESH LABELS     /* a version that was never there before */

byte ver = 1;            /* the record: its version ... */
bool free = true;        /* ... and whether it is vacant */
byte who = 0;            /* whose record it is: 1 + its number */

bool lead[N];            /* each candidate: leads ... */
byte lv[N];              /* ... by this version ... */
byte la[N];              /* ... whose write was sent so long ago (P3) */
bool doubt[N];           /* a leader that must read before it writes (P7) */
byte ob[N];              /* the version seen ... */
byte oa[N];              /* ... first received so long ago (P4) */
byte ow[N];              /* ... and whose it is (for a broken rule only) */
byte rq[N];              /* its request */
byte rk[N];
byte rs[N];
byte rx[N];              /* the version that a write names */
byte rv[N];              /* the version that it made, or that a read shows */
bool rf[N];              /* the record that a read shows is vacant */
byte rw[N];              /* whose that is (for broken rules only) */
byte ra[N];              /* sent so long ago */
byte gu[N];              /* a write given up */
byte gx[N];
byte gv[N];
byte gk[N];
byte ga[N];              /* sent so long ago */
bool gm[N];              /* by this candidacy (P2) */
byte ahead[N];           /* its clock, beyond the slowest */
bool polled[N];          /* has done what was due at this tick (LIVE) */
bool lt[N];              /* touched since (P15): the record at the version that is held by ... */
bool ot[N];              /* ... at the one seen ... */
bool xt[N];              /* ... at the one that a write names ... */
bool vt[N];              /* ... at the one that it made, or that a read shows ... */
bool gt[N];              /* ... at the one that a write given up names */
byte calm = 0;           /* ticks until it may be touched again (LIVE) */
bool dead[N];            /* has given up for good (for a broken rule only) */
bool healed = false;

#ifdef BROKEN_FLAG_ONLY
#define VALID(i) (lead[i])
#define OVERDUE(i) (false)
#else
#define VALID(i) (lead[i] && la[i] < RD)
#define OVERDUE(i) (lead[i] && la[i] >= RD)
#endif

#ifdef BROKEN_BLIND_RELEASE
#define MAY_RELEASE(i) (lead[i])
#define RELEASED(i) (ver)
#else
#define MAY_RELEASE(i) (VALID(i))
#define RELEASED(i) (lv[i])
#endif

#if defined(BROKEN_HOLDER) || defined(BROKEN_NAME)
#define WHOSE (who)
#define WRITER(i) (i + 1)
#else
#define WHOSE (0)
#define WRITER(i) (0)
#endif

#ifdef BROKEN_HOLDER
#define OWNER(i) (rw[i])
#else
#define OWNER(i) (0)
#endif

#define QUIET(i) (rq[i] == NONE && (polled[i] || dead[i] || ASLEEP(i)))
#ifdef BROKEN_NEVER_WAKES
#define ASLEEP(i) (healed && !lead[i] && ob[i])                           /* P12: it looked once */
#else
#define ASLEEP(i) (false)
#endif

#ifdef LIVE
#define MAY_FAIL (!healed)
#define MAY_TOUCH (!healed || calm == 0)
#define MAY_TICK (!healed || (QUIET(0) && QUIET(N - 1)))
#define MAY_ASK(i) ((!healed || !polled[i]) && !dead[i] && !ASLEEP(i))
#else
#define MAY_FAIL (true)
#define MAY_TOUCH (true)
#define MAY_TICK (true)
#define MAY_ASK(i) (true)
#endif


byte mark[LABELS + 1];
byte k;
byte j;
byte next;

inline relabel(x) { x = mark[x] }

/* Only which versions are equal matters: number those in use 1, 2, ... */
inline renumber() {
    mark[ver] = 1;
    for (k : 0 .. N - 1) {
        mark[lv[k]] = 1; mark[ob[k]] = 1; mark[rx[k]] = 1; mark[rv[k]] = 1; mark[gx[k]] = 1; mark[gv[k]] = 1
    }
    next = 1;
    mark[0] = 0;
    for (k : 1 .. LABELS) {
        if
        :: mark[k] -> mark[k] = next; next++
        :: else
        fi
    }
    relabel(ver);
    for (k : 0 .. N - 1) {
        relabel(lv[k]); relabel(ob[k]); relabel(rx[k]); relabel(rv[k]); relabel(gx[k]); relabel(gv[k])
    };
    for (k : 0 .. LABELS) { mark[k] = 0 };
    k = 0; j = 0; next = 0
}

inline older(i) {
    if :: oa[i] < LD && ob[i] -> oa[i]++ :: else fi;
    if :: la[i] < RD && lead[i] -> la[i]++ :: else fi;
    if :: ra[i] < RD && rq[i] -> ra[i]++ :: else fi;
    if :: ga[i] < RD && gu[i] -> ga[i]++ :: else fi;
    if :: gu[i] == LANDED && ga[i] >= RD -> forget(i) :: else fi;   /* P7f */
    polled[i] = false
}

inline forget(i) { gu[i] = NONE; gx[i] = 0; gt[i] = false; gv[i] = 0; gk[i] = 0; ga[i] = 0; gm[i] = false }

inline done(i) {
    rq[i] = NONE; rk[i] = 0; rs[i] = 0; rx[i] = 0; xt[i] = false; rv[i] = 0; vt[i] = false; rf[i] = false; rw[i] = 0;
    ra[i] = 0
}

inline send(i, what, kind, version, touched) {
    rq[i] = what; rk[i] = kind; rx[i] = version; xt[i] = touched; ra[i] = 0; rs[i] = SENT
}

/* P7: no answer. The write may still land, and its candidacy may still recognise it. */
inline give_up(i) {
#ifdef STALE
    if
    :: rq[i] == WRITE && rs[i] != REFUSED ->
        gu[i] = (rs[i] == DONE -> LANDED : FLYING);
        gx[i] = (rs[i] == DONE -> 0 : rx[i]); gt[i] = (rs[i] != DONE && xt[i]); gv[i] = rv[i]; gk[i] = rk[i]; ga[i] = ra[i]; gm[i] = true;
        if :: rs[i] == DONE && ra[i] >= RD -> forget(i) :: else fi
    :: else
    fi;
#endif
#ifdef BROKEN_NO_SECOND_TRY
    dead[i] = true;                                                        /* P13 */
#endif
    done(i)
}

/* The end of a candidacy: what it wrote is another's from now on (P2). */
inline ends(i) { lead[i] = false; lv[i] = 0; lt[i] = false; la[i] = 0; doubt[i] = false; gm[i] = false }

inline sees(i, version) {
    if
#ifdef BROKEN_HOLDER
    :: ob[i] && rw[i] && rw[i] == ow[i] -> ob[i] = version
#endif
    :: ob[i] != version -> ob[i] = version; ot[i] = vt[i]; oa[i] = 0
    :: else ->                                                             /* P15: the same write, so one waits on */
#ifdef BROKEN_TOUCH_WAITS
        if :: ot[i] && !vt[i] -> oa[i] = 0 :: else fi;
#endif
#ifndef BROKEN_FIRST_VERSION
        ot[i] = vt[i]
#else
        skip
#endif
    fi;
    ow[i] = OWNER(i)
}

inline holds(i, version, age) {
    lead[i] = true; lv[i] = version; lt[i] = vt[i]; la[i] = age; doubt[i] = false;
    sees(i, version)
}

inline serve_write(i, what, named, touched, kind, made) {
    if
#ifdef BROKEN_UNCONDITIONAL
    :: true ->
#else
    :: named == ver && !touched ->                                         /* P1 */
#endif
        ver = FRESH; made = FRESH; free = (kind == RELEASES); who = WRITER(i); what = true
    :: else -> what = false
    fi
}

inline hear_write(i) {
    if
    :: rs[i] == DONE && rk[i] != RELEASES && ra[i] < RD ->                 /* P3d */
#ifdef BROKEN_REPLY_TIME
        holds(i, rv[i], 0)
#else
        holds(i, rv[i], ra[i])                                             /* P3 */
#endif
    :: rs[i] == REFUSED && lead[i] -> doubt[i] = true                      /* P7e */
#ifdef BROKEN_REFUSED_IS_DONE
    :: rs[i] == REFUSED && !lead[i] && rk[i] == CLAIM && ra[i] < RD -> holds(i, rx[i], ra[i])
#endif
    :: else -> ends_release(i)
    fi;
    done(i)
}

inline ends_release(i) {
#ifdef BROKEN_RELEASE_FIRST
    if :: rk[i] == RELEASES -> ends(i) :: else fi
#else
    skip
#endif
}

/* P4, P5, P7, P8: a read is answered. */
inline hear_read(i) {
    if
    :: gu[i] == LANDED && gv[i] == rv[i] && ga[i] < RD && gk[i] != RELEASES && gm[i] -> /* P7 */
#ifdef BROKEN_READ_BACK_TIME
        holds(i, rv[i], 0);
#else
        holds(i, rv[i], ga[i]);
#endif
        forget(i); done(i)
#ifdef BROKEN_NAME
    :: !free && rf[i] == false && rw[i] == i + 1 -> holds(i, rv[i], 0); done(i)
#endif
    :: else ->
        if
        :: lead[i] && rv[i] == lv[i] ->                                    /* P15: touched or not, it is mine */
            doubt[i] = false; lt[i] = vt[i];
#ifdef BROKEN_TOUCH_RENEWS
            la[i] = ra[i];
#endif
            done(i)
        :: else ->
            if :: lead[i] -> ends(i) :: else fi;                           /* P8 */
#ifdef BROKEN_READ_SENT
            if :: ob[i] != rv[i] -> ob[i] = rv[i]; oa[i] = ra[i] :: else fi;
#else
            sees(i, rv[i]);
#endif
            k = ob[i]; next = ot[i];
            if
            :: rf[i] || oa[i] >= LD -> done(i); send(i, WRITE, CLAIM, k, next)   /* P4, P5a */
            :: else -> done(i)
            fi
        fi
    fi
}

active proctype time() {
    do
    :: d_step { MAY_TICK -> for (j : 0 .. N - 1) { older(j) };
        if :: calm > 0 -> calm-- :: else fi;
        renumber() }
#ifdef LIVE
    :: d_step { !healed -> healed = true }
#endif
    od
}

active [N] proctype candidate() {
    bool took;
    byte me = _pid - 1;
    do
#if SKEW > 0
    :: d_step { MAY_FAIL && ahead[me] < SKEW ->                            /* my clock runs on by itself */
        ahead[me]++; older(me);
        next = SKEW;
        for (k : 0 .. N - 1) { if :: ahead[k] < next -> next = ahead[k] :: else fi };
        for (k : 0 .. N - 1) { ahead[k] = ahead[k] - next };
        renumber() }
#endif
    :: d_step { rq[me] == NONE && (!lead[me] || doubt[me]) && MAY_ASK(me) ->
        polled[me] = true; send(me, READ, 0, 0, false) }
    :: d_step { rq[me] == NONE && VALID(me) && !doubt[me] && MAY_ASK(me) ->
        polled[me] = true; send(me, WRITE, RENEW, lv[me], lt[me]); renumber() }    /* P1, P2 */
    :: d_step { rq[me] == READ && rs[me] == SENT ->
        rs[me] = DONE; rv[me] = ver; rf[me] = free; rw[me] = WHOSE; renumber() }
    :: d_step { rq[me] == WRITE && rs[me] == SENT ->
        serve_write(me, took, rx[me], xt[me], rk[me], rv[me]);
        rs[me] = (took -> DONE : REFUSED); took = false; renumber() }
    :: d_step { rq[me] == READ && rs[me] != SENT && !OVERDUE(me) -> hear_read(me); renumber() }
    :: d_step { rq[me] == WRITE && rs[me] != SENT && !OVERDUE(me) -> hear_write(me); renumber() }
    :: d_step { rq[me] && MAY_FAIL -> doubt[me] = lead[me]; give_up(me); renumber() }
#ifdef BROKEN_NO_ID
    :: d_step { rq[me] == WRITE && gu[me] == LANDED && ra[me] < RD ->      /* P10: an answer to an older write */
        holds(me, gv[me], ra[me]); forget(me); done(me); renumber() }
#endif
#ifdef STALE
    :: d_step { gu[me] == FLYING ->
        serve_write(me, took, gx[me], gt[me], gk[me], gv[me]); gx[me] = 0; gt[me] = false;
        if :: !took || ga[me] >= RD -> forget(me) :: else -> gu[me] = LANDED fi;
        took = false; renumber() }
#endif
    :: d_step { OVERDUE(me) -> ends(me); give_up(me); gm[me] = false; renumber() }      /* P3 */
#ifdef RELEASE
    :: d_step { MAY_RELEASE(me) && rq[me] == NONE && MAY_ASK(me) ->                     /* P9 */
        k = RELEASED(me); next = lt[me];
#ifndef BROKEN_RELEASE_FIRST
        ends(me);
#endif
        polled[me] = true; send(me, WRITE, RELEASES, k, next); renumber() }
#endif
#ifdef CRASH
    :: d_step { MAY_FAIL -> ends(me); give_up(me); gm[me] = false; ob[me] = 0; ot[me] = false; oa[me] = 0; renumber() }
#endif
    od
}

#ifdef TOUCH
/* A label, an annotation, a migration, a request to resign: another version of the same write. */
active proctype somebody() {
    do
    :: d_step { MAY_TOUCH ->
        for (k : 0 .. N - 1) {
            lt[k] = lt[k] || lv[k] == ver; ot[k] = ot[k] || ob[k] == ver; xt[k] = xt[k] || rx[k] == ver;
            vt[k] = vt[k] || rv[k] == ver; gt[k] = gt[k] || gx[k] == ver
        };
        k = 0;
        calm = (healed -> 2 : 0) }
    od
}
#endif

#define LEADER (VALID(0) || VALID(N - 1))

#ifdef LIVE
ltl again { (<> healed) -> [] (<> LEADER) }
#else
ltl exclusion { [] !(
    (VALID(0) && VALID(1))
#if N > 2
    || (VALID(0) && VALID(2)) || (VALID(1) && VALID(2))
#endif
    ) }
#endif
