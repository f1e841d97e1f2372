import { describe, expect, it } from "vitest";
import { ada, bob } from "@/lib/log/samples";
import { describeTypists, expire, heard, stopped } from "@/lib/realtime/typing";

describe("who is typing", () => {
  it("is told once for each person, and ends when they say so or fall silent", () => {
    let typists = heard({}, "room", { user: ada, until: 100 });
    typists = heard(typists, "room", { user: ada, until: 200 });
    typists = heard(typists, "room", { user: bob, until: 150 });
    expect(typists.room?.map((one) => one.user.id)).toEqual(["ada", "bob"]);
    expect(expire(typists, 150).room?.map((one) => one.user.id)).toEqual(["ada"]);
    expect(stopped(typists, "room", "ada").room?.map((one) => one.user.id)).toEqual(["bob"]);
    expect(expire(typists, 50)).toBe(typists);
  });

  it("is put into words", () => {
    expect(describeTypists([])).toBe("");
    expect(describeTypists([ada])).toBe("Ada is typing");
    expect(describeTypists([ada, bob])).toBe("Ada and Bob are typing");
    expect(describeTypists([ada, bob, ada])).toBe("Several people are typing");
  });
});
