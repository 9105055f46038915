// What the server says and is told.

export type Question = "lip" | "reaction" | "motion" | "identity" | "instruction" | "overall";
export type Choice = "L" | "S" | "R" | "X";
export type Track = "S" | "L" | "C" | "T" | "H" | "G";

export interface Side {
  readonly clip: string;
  readonly partner: string | null;
  /** Loudness along the clip, 0 to 1; empty where nobody speaks. */
  readonly own_voice: readonly number[];
  readonly partner_voice: readonly number[];
}

export interface Trial {
  readonly trial: string;
  readonly answered: number;
  readonly track: Track;
  readonly questions: readonly Question[];
  readonly seconds: number;
  readonly instruction: string;
  readonly reference: string | null;
  readonly sides: readonly [Side, Side];
}

export interface NoTrial {
  readonly trial: null;
  readonly answered: number;
}

export interface Vote {
  readonly trial: string;
  readonly answers: Partial<Record<Question, Choice>>;
  readonly replays: number;
  readonly ms: number;
}
