/** The start of the lines that the probe prints on the server's standard error; JSON follows. */
export const probeMark = "soak-probe ";
