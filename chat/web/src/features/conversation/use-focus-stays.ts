import { type RefObject, useLayoutEffect } from "react";

/** When the element goes and the focus is in it, its row takes the focus: it would be nowhere otherwise. */
export function useFocusStays(ref: RefObject<HTMLElement | null>): void {
  useLayoutEffect(() => {
    const element = ref.current;
    return () => {
      if (element?.contains(document.activeElement)) focusRow(element);
    };
  }, [ref]);
}

/** Give the focus to the row that the element is in. */
export function focusRow(element: Element): void {
  element.closest<HTMLElement>("article")?.focus({ preventScroll: true });
}
