import { useCallback, useState } from "react";

/** By their keys, the row under the mouse and the row that was chosen by keyboard or touch. */
interface Hot {
  readonly pointed: string | null;
  readonly chosen: string | null;
  readonly isPointedLast: boolean;
}

export interface HotRow {
  /** The row that shows what can be done with it, and it alone: the one that was pointed at or chosen last. */
  hotKey: string | null;
  /** A hand moves the mouse over the row. */
  point(key: string): void;
  /** The mouse is over it no longer, because either of them has moved. What was chosen stays chosen. */
  unpoint(key: string): void;
  /** The focus is in the row; a click of the mouse puts it there as well, and chooses nothing. */
  focus(key: string, isChoice: boolean): void;
  /** The focus has left the row, or the row has gone. */
  leave(key: string): void;
}

export function useHotRow(): HotRow {
  const [hot, setHot] = useState<Hot>({ pointed: null, chosen: null, isPointedLast: false });
  const point = useCallback(
    (key: string) =>
      setHot((was) =>
        was.pointed === key && was.isPointedLast ? was : { ...was, pointed: key, isPointedLast: true },
      ),
    [],
  );
  const unpoint = useCallback(
    (key: string) => setHot((was) => (was.pointed === key ? { ...was, pointed: null } : was)),
    [],
  );
  const focus = useCallback(
    (key: string, isChoice: boolean) =>
      setHot((was) => {
        // From one button of the row to another: nothing was chosen anew.
        if (isChoice === (was.chosen === key)) return was;
        return isChoice ? { ...was, chosen: key, isPointedLast: false } : { ...was, chosen: null };
      }),
    [],
  );
  const leave = useCallback(
    (key: string) =>
      setHot((was) => {
        if (was.pointed !== key && was.chosen !== key) return was;
        return {
          ...was,
          pointed: was.pointed === key ? null : was.pointed,
          chosen: was.chosen === key ? null : was.chosen,
        };
      }),
    [],
  );
  const hotKey = hot.isPointedLast ? (hot.pointed ?? hot.chosen) : (hot.chosen ?? hot.pointed);
  return { hotKey, point, unpoint, focus, leave };
}
