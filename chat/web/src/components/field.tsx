import type { ReactNode } from "react";
import {
  Button as AriaButton,
  SearchField as AriaSearchField,
  TextField as AriaTextField,
  type TextFieldProps as AriaTextFieldProps,
  FieldError,
  Input,
  type InputProps,
  Label,
  Text,
  TextArea,
} from "react-aria-components";
import { CloseIcon, SearchIcon } from "@/components/icons";
import { cn } from "@/lib/class-names";

const BOX = cn(
  "w-full rounded-lg border border-edge bg-raised px-3 text-ink shadow-lift placeholder:text-faint",
  "transition-colors data-focused:border-sky data-focused:outline-2 data-focused:-outline-offset-1 data-focused:outline-sky",
  "data-invalid:border-alarm",
);

interface FieldProps extends Omit<AriaTextFieldProps, "className" | "children" | "style"> {
  label: string;
  hint?: ReactNode;
  error?: string | undefined;
  placeholder?: string;
  /** How many lines are shown; more than one makes it a text area. */
  lines?: number;
  /** Shows how many characters are left when few are. */
  limit?: number;
  inputProps?: InputProps;
}

export function Field({
  label,
  hint,
  error,
  placeholder,
  lines = 1,
  limit,
  inputProps,
  ...props
}: FieldProps) {
  const hinted = placeholder === undefined ? {} : { placeholder };
  const left = limit === undefined ? null : limit - [...(props.value ?? "")].length;
  return (
    <AriaTextField
      {...props}
      isInvalid={error !== undefined || (left !== null && left < 0)}
      validationBehavior="aria"
      className="flex flex-col gap-1.5"
    >
      <span className="flex items-baseline justify-between gap-2">
        <Label className="text-sm font-medium text-soft">{label}</Label>
        {left !== null && left <= 40 && (
          <span className={cn("text-xs tabular-nums", left < 0 ? "text-alarm" : "text-faint")}>{left}</span>
        )}
      </span>
      {lines > 1 ? (
        <TextArea
          rows={lines}
          placeholder={placeholder}
          className={cn(BOX, "scroll-quiet resize-none py-2")}
        />
      ) : (
        <Input {...inputProps} {...hinted} className={cn(BOX, "h-10")} />
      )}
      {error === undefined && hint !== undefined && (
        <Text slot="description" className="text-[0.8125rem] text-faint">
          {hint}
        </Text>
      )}
      <FieldError className="text-[0.8125rem] text-alarm">{error}</FieldError>
    </AriaTextField>
  );
}

interface SearchProps {
  label: string;
  value: string;
  onChange(value: string): void;
  autoFocus?: boolean;
  placeholder?: string;
}

export function Search({ label, value, onChange, autoFocus = false, placeholder }: SearchProps) {
  return (
    <AriaSearchField
      aria-label={label}
      value={value}
      onChange={onChange}
      autoFocus={autoFocus}
      maxLength={64}
      className="group relative flex items-center"
    >
      <SearchIcon className="pointer-events-none absolute left-3 text-faint" />
      <Input
        placeholder={placeholder ?? label}
        className={cn(BOX, "h-10 pr-9 pl-10 [&::-webkit-search-cancel-button]:hidden")}
      />
      <AriaButton className="absolute right-2 flex size-6 items-center justify-center rounded-md text-faint group-data-empty:invisible data-hovered:text-ink">
        <CloseIcon className="size-4" />
      </AriaButton>
    </AriaSearchField>
  );
}
