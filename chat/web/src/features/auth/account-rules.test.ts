import { describe, expect, it } from "vitest";
import { checkDisplayName, checkPassword, checkUsername } from "@/features/auth/account-rules";

describe("the rules of an account", () => {
  it("are those of the server", () => {
    for (const name of ["ada", "Ada", "a.b-c_d", "0day", "a".repeat(32)])
      expect(checkUsername(name)).toBeNull();
    for (const name of ["", "ab", "_ada", "äda", "a b c", "a".repeat(33)])
      expect(checkUsername(name)).not.toBeNull();
    expect(checkPassword("ninechars")).not.toBeNull();
    expect(checkPassword("ten chars!")).toBeNull();
    // A picture outside the basic plane is one character to the server.
    expect(checkPassword("🪁".repeat(9))).not.toBeNull();
    expect(checkDisplayName("  ")).not.toBeNull();
    expect(checkDisplayName("Ada Lovelace")).toBeNull();
  });
});
