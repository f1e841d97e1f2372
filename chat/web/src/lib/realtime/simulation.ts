import type { Entry, EntryAnswer, LogPage } from "@/lib/api/types";
import { ada, bob } from "@/lib/log/samples";
import type { DeliveryEvent, DeliveryPorts, LogQuery } from "@/lib/realtime/delivery";
import { NoAnswer } from "@/lib/realtime/refusal";

/** Virtual time: tasks run in the order of their moments, and nothing waits in fact. */
export class Clock {
  now = 0;
  #tasks: { at: number; order: number; run: () => void }[] = [];
  #order = 0;

  schedule = (run: () => void, ms: number): (() => void) => {
    const task = { at: this.now + Math.max(0, ms), order: this.#order++, run };
    this.#tasks.push(task);
    return () => {
      this.#tasks = this.#tasks.filter((other) => other !== task);
    };
  };

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.schedule(resolve, ms));
  }

  /** Run everything that is due within `ms`. @throws when it never comes to rest. */
  async advance(ms: number): Promise<void> {
    const end = this.now + ms;
    for (let steps = 0; ; steps++) {
      if (steps > 100_000) throw new Error("the simulation does not come to rest");
      await settle();
      this.#tasks.sort((one, other) => one.at - other.at || one.order - other.order);
      const next = this.#tasks[0];
      if (!next || next.at > end) break;
      this.#tasks.shift();
      this.now = next.at;
      next.run();
    }
    this.now = end;
  }
}

/** Let every promise that can go on go on. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The server's side of the contract, in memory: one room, gapless, `UNIQUE(author, client_id)`. */
export class Room {
  readonly entries: Entry[] = [];
  readonly #answers = new Map<string, Entry>();

  append(author: "ada" | "bob", clientId: string, kind: Entry["kind"], text: string | null, target?: number) {
    const known = this.#answers.get(`${author}:${clientId}`);
    if (known) return { entry: known, fresh: false };
    const seq = this.entries.length + 1;
    const entry: Entry = {
      room_id: "room",
      seq,
      id: `entry-${seq}`,
      kind,
      author: author === "ada" ? ada : bob,
      subject: null,
      text,
      target_seq: target ?? null,
      client_id: clientId,
      created_at: new Date(Date.UTC(2024, 0, 1) + seq * 1000).toISOString(),
      edited_at: null,
      deleted: false,
      revised_seq: null,
    };
    this.entries.push(entry);
    this.#answers.set(`${author}:${clientId}`, entry);
    return { entry, fresh: true };
  }

  /** As the server shows it now, with every change folded into its message. */
  read(): Entry[] {
    const shown = this.entries.map((entry) => ({ ...entry }));
    for (const change of this.entries) {
      const target = change.target_seq === null ? undefined : shown[change.target_seq - 1];
      if (target?.kind !== "message") continue;
      target.revised_seq = change.seq;
      if (change.kind === "delete") Object.assign(target, { deleted: true, text: null });
      if (change.kind === "edit") Object.assign(target, { text: change.text, edited_at: change.created_at });
    }
    return shown;
  }

  page(query: LogQuery): LogPage {
    const all = this.read();
    const last_seq = all.length;
    if ("after" in query) {
      if (last_seq - query.after > 500) {
        return { entries: all.slice(-query.limit), last_seq, has_more: true, reset: true };
      }
      const rest = all.slice(query.after);
      const entries = rest.slice(0, query.limit);
      return { entries, last_seq, has_more: rest.length > entries.length, reset: false };
    }
    const rest = all.slice(0, (query.before ?? last_seq + 1) - 1);
    const entries = rest.slice(-query.limit);
    return { entries, last_seq, has_more: rest.length > entries.length, reset: false };
  }
}

/** A network that loses and delays as `chance` says; `chance(p)` is true in about p of the cases. */
export class Network {
  online = false;
  healthy = false;
  saved = 0;
  #epoch = 0;
  #ids = 0;

  constructor(
    readonly clock: Clock,
    readonly room: Room,
    readonly chance: (p: number) => boolean,
    readonly push: (entry: Entry) => void,
  ) {}

  connect(): void {
    this.online = true;
    this.#epoch += 1;
  }

  disconnect(): void {
    this.online = false;
    this.#epoch += 1;
  }

  publish(entry: Entry): void {
    if (!this.online || (!this.healthy && this.chance(0.15))) return;
    const epoch = this.#epoch;
    this.clock.schedule(() => epoch === this.#epoch && this.push(entry), this.#latency());
  }

  ports(): DeliveryPorts {
    return {
      fetchLog: async (_roomId, query) => {
        await this.clock.sleep(this.#latency());
        if (!this.online || (!this.healthy && this.chance(0.2))) throw new Error("no network");
        const page = this.room.page(query);
        await this.clock.sleep(this.#latency());
        if (!this.online) throw new Error("no network");
        return page;
      },
      isGone: () => false,
      emit: (event, payload) => this.#emit(event, payload),
      save: () => {
        this.saved += 1;
      },
      now: () => this.clock.now,
      today: () => new Date(Date.UTC(2024, 0, 1) + this.clock.now).toISOString(),
      random: () => 0.5,
      newId: () => `mine-${this.#ids++}`,
      schedule: this.clock.schedule,
    };
  }

  async #emit(event: DeliveryEvent, payload: Record<string, unknown>): Promise<EntryAnswer> {
    const epoch = this.#epoch;
    if (!this.online) throw new NoAnswer("disconnected");
    const lost = !this.healthy && this.chance(0.15);
    await this.clock.sleep(this.#latency());
    if (lost || epoch !== this.#epoch) return this.#silence(epoch);
    if (!this.healthy && this.chance(0.1)) {
      return { error: { code: "rate_limited", message: "Too many.", retry_after: 2 } };
    }
    const kind = event === "message:send" ? "message" : event === "message:edit" ? "edit" : "delete";
    const { entry, fresh } = this.room.append(
      "ada",
      String(payload.client_id),
      kind,
      payload.text === undefined ? null : String(payload.text),
      payload.target_seq as number | undefined,
    );
    if (fresh) this.publish(entry);
    const unheard = !this.healthy && this.chance(0.15);
    await this.clock.sleep(this.#latency());
    if (unheard || epoch !== this.#epoch) return this.#silence(epoch);
    return { ok: true, entry };
  }

  async #silence(epoch: number): Promise<never> {
    await this.clock.sleep(epoch === this.#epoch ? 10_000 : 0);
    throw new NoAnswer(epoch === this.#epoch ? "timeout" : "disconnected");
  }

  #latency(): number {
    return this.chance(0.2) ? 400 : this.chance(0.5) ? 20 : 60;
  }
}
