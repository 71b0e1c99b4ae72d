import { tags, type DerValue } from "./der.js";

export interface CertificateTime {
  date: Date;
  /** Whether it is UTCTime until 2049, or GeneralizedTime from 2050 on (RFC 5280, section 4.1.2.5). */
  isFormOfItsYear: boolean;
}

const firstGeneralizedYear = 2050;

/**
 * `Time` (RFC 5280, section 4.1.2.5): with seconds, without fractions, in UTC.
 *
 * @throws Error for any other form, and for a day or a time that does not exist
 */
export function readTime({ tag, content }: DerValue): CertificateTime {
  const text = Buffer.from(content).toString("latin1");
  if (tag === tags.utcTime && /^\d{12}Z$/u.test(text)) {
    // Section 4.1.2.5.1: years of 50 and more belong to the 20th century.
    const century = text >= "50" ? "19" : "20";
    return { date: readDigits(century + text), isFormOfItsYear: true };
  }
  if (tag === tags.generalizedTime && /^\d{14}Z$/u.test(text)) {
    const date = readDigits(text);
    return { date, isFormOfItsYear: date.getUTCFullYear() >= firstGeneralizedYear };
  }
  throw new Error("a time that is neither YYMMDDhhmmssZ nor YYYYMMDDhhmmssZ");
}

/** @param digits YYYYMMDDhhmmssZ */
function readDigits(digits: string): Date {
  const iso = digits.replace(
    /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/u,
    "$1-$2-$3T$4:$5:$6.000Z",
  );
  const time = new Date(iso);
  // JavaScript reads 30 February as 2 March.
  if (Number.isNaN(time.getTime()) || time.toISOString() !== iso) {
    throw new Error(`a time that does not exist: ${digits}`);
  }
  return time;
}
