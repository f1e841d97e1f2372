import { createStore, type StoreApi } from "zustand/vanilla";
import type { Entry, EntryAnswer, ErrorInfo, LogPage } from "@/lib/api/types";
import type { RoomLog } from "@/lib/log/room-log";
import * as roomLog from "@/lib/log/room-log";
import type { Outbox, OutboxItem } from "@/lib/outbox/outbox";
import * as outboxes from "@/lib/outbox/outbox";
import { backoff } from "@/lib/realtime/backoff";
import { isFault, isPassing, NoAnswer, Refused } from "@/lib/realtime/refusal";

/** What delivery needs of the world; the tests put a simulated server and clock here. */
export interface DeliveryPorts {
  /** @throws anything; `isGone(error)` says whether the room is out of reach for good. */
  fetchLog(roomId: string, query: LogQuery): Promise<LogPage>;
  isGone(error: unknown): boolean;
  /** @throws NoAnswer */
  emit(event: DeliveryEvent, payload: Record<string, unknown>): Promise<EntryAnswer>;
  /** Called after every change of the outbox. */
  save(outbox: Outbox): void;
  now(): number;
  today(): string;
  random(): number;
  newId(): string;
  /** Run `task` after `ms`; the answer cancels it. */
  schedule(task: () => void, ms: number): () => void;
}

export type LogQuery = { limit: number } & ({ before?: number } | { after: number });

export type DeliveryEvent = "message:send" | "message:edit" | "message:delete";

export interface DeliveryState {
  readonly logs: Readonly<Record<string, RoomView>>;
  readonly outbox: Outbox;
}

export interface RoomView {
  readonly log: RoomLog;
  /** `ready` from the first page on; `failed` when that page could not be read. */
  readonly state: "loading" | "ready" | "failed";
  readonly older: "idle" | "loading" | "failed";
}

/** One page of history: several screens, and well under the server's 100. */
export const PAGE = 50;
const CATCH_UP_PAGE = 100;

/** Rooms kept in memory; going back to one of them is instant, the rest are read again. */
const MAX_ROOMS = 20;

/** Items kept of a room that is not on the screen, and the most of one that is (about 2 MB). */
const KEEP_HIDDEN = 200;
const KEEP_SHOWN = 5_000;

/** Fetches that bring nothing while a hole stays, before it is believed to be empty. */
const MAX_FRUITLESS = 3;

/**
 * Brings every message of the rooms on the screen here once and in order, and everything written here to the
 * server once and in order, whatever the connection does. It owns the room logs and the outbox.
 */
export class Delivery {
  readonly store: StoreApi<DeliveryState>;
  readonly #ports: DeliveryPorts;
  readonly #fetching = new Map<string, Promise<void>>();
  readonly #timers = new Map<string, () => void>();
  /** Those who pause before asking again; a new connection ends their pause. */
  readonly #pausing = new Set<() => void>();
  /** Rooms by last use, the latest last. */
  #recent: string[] = [];
  #shown: string | null = null;
  /** The reader of the shown room stands at its end; only then may its beginning be forgotten. */
  #atEnd = true;
  #online = false;
  /** Moves with every connection; an answer that belongs to an earlier one is known by it. */
  #epoch = 0;
  #closed = false;

  constructor(ports: DeliveryPorts, outbox: Outbox = []) {
    this.#ports = ports;
    this.store = createStore<DeliveryState>(() => ({ logs: {}, outbox: outboxes.interrupt(outbox) }));
  }

  /** The socket is connected and joined to its rooms: what comes now is buffered behind a catch-up. */
  connected(): void {
    this.#online = true;
    this.#epoch += 1;
    for (const wake of this.#pausing) wake();
    this.#setOutbox(outboxes.interrupt(this.#outbox));
    for (const roomId of Object.keys(this.store.getState().logs)) void this.#resume(roomId);
    this.#pumpAll();
  }

  disconnected(): void {
    this.#online = false;
    this.#epoch += 1;
    this.#setOutbox(outboxes.interrupt(this.#outbox));
  }

  close(): void {
    this.#closed = true;
    this.#online = false;
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
  }

  /** Show a room: read its newest page unless its log is here already. */
  show(roomId: string): void {
    const before = this.#shown;
    this.#shown = roomId;
    this.#atEnd = true;
    if (before && before !== roomId) this.#update(before, (log) => roomLog.trim(log, KEEP_HIDDEN));
    this.#recent = [...this.#recent.filter((id) => id !== roomId), roomId];
    for (const id of this.#recent.slice(0, -MAX_ROOMS)) this.forget(id);
    const view = this.#view(roomId);
    if (!view || view.state === "failed") void this.#load(roomId);
  }

  hide(roomId: string): void {
    if (this.#shown !== roomId) return;
    this.#shown = null;
    this.#update(roomId, (log) => roomLog.trim(log, KEEP_HIDDEN));
  }

  /** Whether the reader of the shown room stands at its end. */
  readAtEnd(atEnd: boolean): void {
    this.#atEnd = atEnd;
  }

  /** Drop a room's log: it is not needed, or no longer ours to see. */
  forget(roomId: string): void {
    this.#recent = this.#recent.filter((id) => id !== roomId);
    this.store.setState(({ logs }) => {
      const { [roomId]: _gone, ...rest } = logs;
      return { logs: rest };
    });
  }

  /** This person is no longer in the room: nothing of it is kept or sent. */
  leave(roomId: string): void {
    this.forget(roomId);
    this.#setOutbox(outboxes.abandonRoom(this.#outbox, roomId));
  }

  /** A live entry. */
  receive(entry: Entry): void {
    this.#update(entry.room_id, (log) => roomLog.receive(log, entry));
    if (entry.client_id) this.#settle(entry.room_id, new Set([entry.client_id]));
    this.#fillHole(entry.room_id);
  }

  /** Something else (the room list) says how far a room's log reaches. */
  hearOf(roomId: string, seq: number): void {
    this.#update(roomId, (log) => roomLog.hearOf(log, seq));
    this.#fillHole(roomId);
  }

  /** Read the page before the oldest one here. */
  async loadOlder(roomId: string): Promise<void> {
    const view = this.#view(roomId);
    if (view?.state !== "ready" || view.older === "loading" || !roomLog.hasOlder(view.log)) return;
    this.#patch(roomId, { older: "loading" });
    const before = view.log.low;
    try {
      const page = await this.#ports.fetchLog(roomId, { before, limit: PAGE });
      this.#update(roomId, (log) => roomLog.mergeOlder(log, page, before));
      this.#patch(roomId, { older: "idle" });
    } catch {
      this.#patch(roomId, { older: "failed" });
    }
  }

  /** Write a message. @throws OutboxFull */
  send(roomId: string, text: string): OutboxItem {
    const clientId = this.#ports.newId();
    this.#setOutbox(
      outboxes.enqueue(this.#outbox, { clientId, roomId, text, writtenAt: this.#ports.today() }),
    );
    this.#pump(roomId);
    return this.#outbox.find((item) => item.clientId === clientId) as OutboxItem;
  }

  retry(clientId: string): void {
    const item = this.#outbox.find((one) => one.clientId === clientId);
    if (!item) return;
    this.#setOutbox(outboxes.retry(this.#outbox, clientId));
    this.#pump(item.roomId);
  }

  discard(clientId: string): void {
    this.#setOutbox(outboxes.discard(this.#outbox, clientId));
  }

  /** Take over what another window of this person left unsent. */
  adopt(items: Outbox): void {
    const known = new Set(this.#outbox.map((item) => item.clientId));
    const fresh = outboxes.interrupt(items).filter((item) => !known.has(item.clientId));
    if (fresh.length === 0) return;
    this.#setOutbox([...this.#outbox, ...fresh].slice(0, outboxes.MAX_OUTBOX));
    this.#pumpAll();
  }

  /** @throws NoAnswer, or a Refused with what the server said. */
  async edit(roomId: string, seq: number, text: string): Promise<void> {
    await this.#change("message:edit", { room_id: roomId, target_seq: seq, text });
  }

  /** @throws NoAnswer, or a Refused with what the server said. */
  async delete(roomId: string, seq: number): Promise<void> {
    await this.#change("message:delete", { room_id: roomId, target_seq: seq });
  }

  async #change(event: DeliveryEvent, payload: Record<string, unknown>): Promise<void> {
    if (!this.#online) throw new NoAnswer("disconnected");
    const answer = await this.#ports.emit(event, { ...payload, client_id: this.#ports.newId() });
    if ("error" in answer) throw new Refused(answer.error);
    this.receive(answer.entry);
  }

  // ---- reading

  async #load(roomId: string): Promise<void> {
    if (this.#view(roomId)) {
      this.#patch(roomId, { state: "loading" });
    } else {
      const view: RoomView = { log: roomLog.emptyLog(roomId), state: "loading", older: "idle" };
      this.store.setState(({ logs }) => ({ logs: { ...logs, [roomId]: view } }));
    }
    // Something still runs for this room, perhaps from before it was forgotten: read behind it if need be.
    for (let running = this.#running(roomId); running; running = this.#running(roomId)) await running;
    if (this.#view(roomId)?.state !== "loading" && this.#view(roomId)?.state !== "failed") return;
    await this.#exclusively(roomId, () => this.#fetchNewest(roomId));
    this.#fillHole(roomId);
  }

  /** What was being read when the connection came may have been read before it: catch up in any case. */
  async #resume(roomId: string): Promise<void> {
    // What did not load without a connection is asked for again when it comes into view.
    if (this.#view(roomId)?.older === "failed") this.#patch(roomId, { older: "idle" });
    if (this.#view(roomId)?.state !== "ready") await this.#load(roomId);
    await this.#catchUp(roomId, true);
  }

  async #fetchNewest(roomId: string): Promise<void> {
    try {
      const page = await this.#ports.fetchLog(roomId, { limit: PAGE });
      this.#update(roomId, (log) => roomLog.openLog(roomId, page, log));
      this.#patch(roomId, { state: "ready" });
      this.#settleLog(roomId);
    } catch {
      this.#patch(roomId, { state: "failed" });
    }
  }

  #fillHole(roomId: string): void {
    const view = this.#view(roomId);
    if (!this.#online || view?.state !== "ready") return;
    if (roomLog.hasHole(view.log)) void this.#catchUp(roomId, false);
  }

  /** Fetch until nothing is missing. `always`: once at the least, because a loss may not be known of. */
  async #catchUp(roomId: string, always: boolean): Promise<void> {
    const running = this.#running(roomId);
    if (running) {
      // What runs may have asked before the connection was back: ask once more behind it.
      if (always) {
        await running;
        await this.#catchUp(roomId, true);
      }
      return;
    }
    await this.#exclusively(roomId, () => this.#fetchMissing(roomId, always));
    this.#fillHole(roomId);
  }

  async #fetchMissing(roomId: string, always: boolean): Promise<void> {
    let once = always;
    let fruitless = 0;
    let failures = 0;
    for (;;) {
      const view = this.#view(roomId);
      if (view?.state !== "ready" || this.#closed) return;
      if (!once && !roomLog.hasHole(view.log)) return;
      const after = view.log.high;
      try {
        const page = await this.#ports.fetchLog(roomId, { after, limit: CATCH_UP_PAGE });
        failures = 0;
        this.#update(roomId, (log) => roomLog.mergeNewer(log, page, after));
        this.#settleLog(roomId);
        once = page.has_more && !page.reset;
        fruitless = (this.#view(roomId)?.log.high ?? 0) > after ? 0 : fruitless + 1;
      } catch (error) {
        if (this.#ports.isGone(error)) {
          this.leave(roomId);
          return;
        }
        // Offline: the next connection starts it anew.
        if (!this.#online) return;
        await this.#pause(backoff(failures++, this.#ports.random()));
        continue;
      }
      if (fruitless >= MAX_FRUITLESS) {
        this.#update(roomId, roomLog.skipHole);
        fruitless = 0;
      } else if (fruitless > 0 && roomLog.hasHole(this.#view(roomId)?.log ?? view.log)) {
        await this.#pause(backoff(fruitless, this.#ports.random()));
      }
    }
  }

  #running(roomId: string): Promise<void> | undefined {
    return this.#fetching.get(roomId);
  }

  async #exclusively(roomId: string, task: () => Promise<void>): Promise<void> {
    const running = task();
    this.#fetching.set(roomId, running);
    try {
      await running;
    } finally {
      this.#fetching.delete(roomId);
    }
  }

  // ---- writing

  #pumpAll(): void {
    for (const roomId of new Set(this.#outbox.map((item) => item.roomId))) this.#pump(roomId);
  }

  /** Send the room's next item if it may go now; come back when it may. */
  #pump(roomId: string): void {
    if (!this.#online || this.#closed) return;
    this.#cancel(`send:${roomId}`);
    const now = this.#ports.now();
    const item = outboxes.nextToSend(this.#outbox, roomId, now);
    if (item) {
      void this.#transmit(item);
      return;
    }
    const moment = outboxes.nextMoment(this.#outbox, roomId);
    if (moment !== null) this.#timer(`send:${roomId}`, () => this.#pump(roomId), moment - now);
  }

  async #transmit(item: OutboxItem): Promise<void> {
    const { clientId, roomId, text } = item;
    const epoch = this.#epoch;
    this.#setOutbox(outboxes.markSending(this.#outbox, clientId));
    try {
      const answer = await this.#ports.emit("message:send", { room_id: roomId, client_id: clientId, text });
      if ("error" in answer) {
        if (epoch === this.#epoch) this.#refused(clientId, answer.error);
      } else {
        this.#setOutbox(outboxes.acknowledge(this.#outbox, clientId, answer.entry.seq));
        this.receive(answer.entry);
      }
    } catch (error) {
      // An answer to an earlier connection's question: that item has been queued again already.
      if (epoch === this.#epoch) this.#unanswered(item, error);
    }
    this.#pump(roomId);
  }

  #refused(clientId: string, refusal: ErrorInfo): void {
    const wait = refusal.retry_after ? refusal.retry_after * 1000 : backoff(2, this.#ports.random());
    const notBefore = this.#ports.now() + wait;
    if (isPassing(refusal))
      this.#setOutbox(outboxes.postpone(this.#outbox, clientId, notBefore, refusal.message));
    else if (isFault(refusal)) this.#setOutbox(outboxes.giveBack(this.#outbox, clientId, notBefore));
    else this.#setOutbox(outboxes.refuse(this.#outbox, clientId, refusal.message));
  }

  #unanswered(item: OutboxItem, error: unknown): void {
    const lost = error instanceof NoAnswer && error.reason === "disconnected";
    const wait = this.#ports.now() + backoff(item.attempts, this.#ports.random());
    this.#setOutbox(
      lost
        ? outboxes.postpone(this.#outbox, item.clientId, wait)
        : outboxes.giveBack(this.#outbox, item.clientId, wait),
    );
  }

  // ---- state

  get #outbox(): Outbox {
    return this.store.getState().outbox;
  }

  #setOutbox(outbox: Outbox): void {
    if (outbox === this.#outbox) return;
    this.store.setState({ outbox });
    this.#ports.save(outbox);
  }

  /** Drop from the outbox what the log shows, or what no log is kept for. */
  #settle(roomId: string, seen: ReadonlySet<string>): void {
    const view = this.#view(roomId);
    const high = view ? view.log.high : Number.POSITIVE_INFINITY;
    this.#setOutbox(outboxes.settle(this.#outbox, roomId, high, this.#inLog(view, seen)));
  }

  /** Of `seen`, what may leave the outbox without leaving the screen. */
  #inLog(view: RoomView | undefined, seen: ReadonlySet<string>): ReadonlySet<string> {
    if (!view) return seen;
    const waiting = new Set([...view.log.ahead.values()].map((entry) => entry.client_id));
    return new Set([...seen].filter((id) => !waiting.has(id)));
  }

  #settleLog(roomId: string): void {
    const view = this.#view(roomId);
    if (!view || this.#outbox.length === 0) return;
    const seen = new Set<string>();
    for (const item of view.log.items) if (item.clientId) seen.add(item.clientId);
    this.#settle(roomId, seen);
  }

  #view(roomId: string): RoomView | undefined {
    return this.store.getState().logs[roomId];
  }

  #update(roomId: string, next: (log: RoomLog) => RoomLog): void {
    const view = this.#view(roomId);
    if (!view) return;
    let log = next(view.log);
    if (log === view.log) return;
    const shown = roomId === this.#shown;
    const limit = shown ? KEEP_SHOWN : KEEP_HIDDEN * 2;
    if (log.items.length > limit && (!shown || this.#atEnd)) log = roomLog.trim(log, limit / 2);
    this.store.setState(({ logs }) => ({ logs: { ...logs, [roomId]: { ...view, log } } }));
  }

  #patch(roomId: string, patch: Partial<RoomView>): void {
    const view = this.#view(roomId);
    if (view) this.store.setState(({ logs }) => ({ logs: { ...logs, [roomId]: { ...view, ...patch } } }));
  }

  #timer(name: string, task: () => void, ms: number): void {
    this.#cancel(name);
    this.#timers.set(
      name,
      this.#ports.schedule(
        () => {
          this.#timers.delete(name);
          task();
        },
        Math.max(0, ms),
      ),
    );
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#pausing.delete(wake);
        cancel();
        resolve();
      };
      const cancel = this.#ports.schedule(wake, ms);
      this.#pausing.add(wake);
    });
  }

  #cancel(name: string): void {
    this.#timers.get(name)?.();
    this.#timers.delete(name);
  }
}
