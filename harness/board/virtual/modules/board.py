# Which pins the board's parts hang on. M5StickV: schematics of M5Stack.
class board_info:
    BUTTON_A, BUTTON_B = 36, 37
    LED_W, LED_R, LED_G, LED_B = 7, 6, 9, 8
    SPK_SD, SPK_DIN, SPK_BCLK, SPK_LRCLK = 25, 17, 15, 14
    ISP_RX, ISP_TX = 4, 5
    MPU_SDA, MPU_SCL, MPU_INT = 29, 28, 23
    I2C_SDA, I2C_SCL = 29, 28
    BOOT_KEY = 16
    CONNEXT_A, CONNEXT_B = 35, 34
